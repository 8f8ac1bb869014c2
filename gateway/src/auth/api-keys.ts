import { timingSafeEqual } from 'node:crypto';
import type { Clock } from '@grapevine/shared/clock.ts';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { apiKeyFileSchema, apiKeyHash, apiKeyIdOf } from '@grapevine/shared/identity/api-key.ts';
import type { Identity } from '@grapevine/shared/identity/identity.ts';
import type { Rate } from '../limits/point-store.ts';
import { readCredentials, unusableCredentials } from './credential-file.ts';
import type { Credentials } from './credentials.ts';
import { refuseRevoked } from './revocations.ts';

const what = 'API keys';

/** A key that a caller may use, as far as the gateway knows it. */
export interface ApiKey {
  readonly id: string;
  readonly hash: Uint8Array;
  readonly identity: Identity;
  /** Its own rate instead of its principal's. */
  readonly rate: Rate | undefined;
  /** First wall-clock millisecond at which it counts no longer. */
  readonly expiresMs: number;
}

/** Key id → key. */
export type ApiKeySet = ReadonlyMap<string, ApiKey>;

/** Compared with when there is no such id, so that the time of a refusal does not tell which ids exist. */
const nobody = new Uint8Array(32);

/** Reads the file of API keys; throws `CONFIG_INVALID` naming `path` and what is wrong. */
export function parseApiKeys(text: string, path: string): ApiKeySet {
  const keys = new Map<string, ApiKey>();
  const { keys: entries } = readCredentials(apiKeyFileSchema, text, what, path);
  for (const { id, sha256, subject, scopes, rate, expires } of entries) {
    if (keys.has(id)) throw unusableCredentials(what, path, `two keys have the id ${id}`);
    keys.set(id, {
      id,
      hash: Buffer.from(sha256, 'hex'),
      identity: { subject, scopes },
      rate,
      expiresMs: expires === undefined ? Number.POSITIVE_INFINITY : Date.parse(expires),
    });
  }
  return keys;
}

/** Checks API keys against the set that is in force. */
export class ApiKeyVerifier {
  readonly #credentials: Pick<Credentials, 'apiKeys' | 'revocations'>;
  readonly #clock: Clock;

  constructor(credentials: Pick<Credentials, 'apiKeys' | 'revocations'>, clock: Clock) {
    this.#credentials = credentials;
    this.#clock = clock;
  }

  /** What is known of `text`; throws `UNAUTHENTICATED` or `REVOKED`. Takes the same time for wrong keys and unknown ids. */
  verify(text: string): ApiKey {
    const { apiKeys, revocations } = this.#credentials;
    const id = apiKeyIdOf(text);
    if (id === undefined) throw refused('it has not the form gvk_<id>_<secret>');
    const key = apiKeys.get(id);
    if (!timingSafeEqual(apiKeyHash(text), key?.hash ?? nobody) || key === undefined) throw refused('it is not known');
    if (this.#clock.wallMs() >= key.expiresMs) throw refused('it has expired');
    refuseRevoked(revocations, { apiKeyId: id, subject: key.identity.subject });
    return key;
  }
}

function refused(reason: string): GrapevineError {
  return new GrapevineError('UNAUTHENTICATED', `The API key was refused: ${reason}.`);
}
