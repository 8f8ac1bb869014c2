import { createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import type { Clock } from '../clock.ts';
import { fromBase64Url, toBase64Url } from '../contracts/base64url.ts';
import { GrapevineError } from '../errors/grapevine-error.ts';
import type { IdentityKeys } from './identity-keys.ts';
import { type Scope, scopes } from './scopes.ts';

/** The header in which one hop vouches for the caller to the next. Whatever arrives under this name from outside is removed. */
export const identityHeader = 'grapevine-identity';

/** The hops that take such a header; a header made for one is refused by the others. */
export type Audience = 'bff' | 'node';

/** Who is calling, as the gateway established it. */
export interface Identity {
  /** The principal: becomes the author of what it publishes. */
  readonly subject: string;
  readonly scopes: readonly Scope[];
}

/** A header stays valid this long, in milliseconds: long enough for a queue and clock skew, short enough that a leaked log line is worthless. */
const lifetimeMs = 30_000;
/** A header is used again for the same caller for so long: signing costs as much as all else about a short request. */
const reuseMs = 1_000;
/** Clocks of two processes may differ by this much before headers are refused. */
const skewMs = 5_000;
/** Longest header that is looked at: bounds the work for a forged one. */
const maxHeaderLength = 4_096;

const payloadSchema = z.strictObject({
  sub: z.string().min(1).max(256),
  scp: z.array(z.enum(scopes)),
  aud: z.enum(['bff', 'node']),
  iat: z.int(),
});

interface SignedHeader {
  readonly header: string;
  readonly madeMs: number;
  readonly key: Uint8Array;
}

/** Makes identity headers: `v1.<payload>.<HMAC-SHA256 over "v1.<payload>">`, both parts base64url. */
export class IdentitySigner {
  readonly #keys: IdentityKeys;
  readonly #audience: Audience;
  readonly #clock: Clock;
  readonly #signed = new WeakMap<Identity, SignedHeader>();

  constructor(keys: IdentityKeys, audience: Audience, clock: Clock) {
    this.#keys = keys;
    this.#audience = audience;
    this.#clock = clock;
  }

  /** A header for the next hop, at most a second old. */
  sign(identity: Identity): string {
    const nowMs = this.#clock.wallMs();
    const { signing } = this.#keys;
    const known = this.#signed.get(identity);
    const ageMs = known === undefined ? Number.NaN : nowMs - known.madeMs;
    // The wall clock may have jumped back: such a header would be from the future.
    if (known?.key === signing && ageMs >= 0 && ageMs < reuseMs) return known.header;
    const header = this.#make(identity, nowMs);
    this.#signed.set(identity, { header, madeMs: nowMs, key: signing });
    return header;
  }

  #make(identity: Identity, nowMs: number): string {
    const payload = { sub: identity.subject, scp: identity.scopes, aud: this.#audience, iat: nowMs };
    const text = `v1.${toBase64Url(new TextEncoder().encode(JSON.stringify(payload)))}`;
    return `${text}.${toBase64Url(macOf(this.#keys.signing, text))}`;
  }
}

interface TakenHeader {
  readonly identity: Identity;
  readonly madeMs: number;
  /** By which it was signed: a key that no longer opens takes its headers along. */
  readonly key: Uint8Array;
}

/** Headers that a verifier remembers, about 500 bytes each: the callers of a busy second. */
const maxTaken = 2_000;

/** Checks identity headers. Nothing is served to a caller whose header it refuses. */
export class IdentityVerifier {
  readonly #keys: IdentityKeys;
  readonly #audience: Audience;
  readonly #clock: Clock;
  /** Headers that were taken: who signs them uses each for up to a second. */
  readonly #taken = new Map<string, TakenHeader>();

  constructor(keys: IdentityKeys, audience: Audience, clock: Clock) {
    this.#keys = keys;
    this.#audience = audience;
    this.#clock = clock;
  }

  /** The identity that `header` vouches for; throws `UNAUTHENTICATED` when it is missing, forged, for another hop or too old. */
  verify(header: string | undefined): Identity {
    if (header === undefined || header.length > maxHeaderLength) throw refused('no usable identity header');
    const before = this.#taken.get(header);
    const isKnown = before !== undefined && this.#keys.verifying.includes(before.key);
    const { identity, madeMs } = isKnown ? before : this.#read(header);
    const age = this.#clock.wallMs() - madeMs;
    if (age > lifetimeMs + skewMs || age < -skewMs) throw refused('an expired identity header');
    return identity;
  }

  #read(header: string): TakenHeader {
    const [version, encoded, mac, ...rest] = header.split('.');
    if (version !== 'v1' || encoded === undefined || mac === undefined || rest.length > 0) {
      throw refused('an identity header of an unknown version');
    }
    const key = this.#keyOf(`v1.${encoded}`, fromBase64Url(mac));
    if (key === undefined) throw refused('a forged identity header');
    const payload = payloadSchema.parse(JSON.parse(new TextDecoder().decode(fromBase64Url(encoded))));
    if (payload.aud !== this.#audience) throw refused(`an identity header for ${payload.aud}`);
    const taken = { identity: { subject: payload.sub, scopes: payload.scp }, madeMs: payload.iat, key };
    if (this.#taken.size >= maxTaken) this.#taken.clear();
    this.#taken.set(header, taken);
    return taken;
  }

  /** The key by which `text` was signed. */
  #keyOf(text: string, mac: Uint8Array | undefined): Uint8Array | undefined {
    return this.#keys.verifying.find((key) => {
      const expected = macOf(key, text);
      return mac?.length === expected.length && timingSafeEqual(mac, expected);
    });
  }
}

/** Throws `FORBIDDEN` unless `identity` carries `scope`. */
export function requireScope(identity: Identity, scope: Scope): void {
  if (!identity.scopes.includes(scope)) {
    throw new GrapevineError(
      'FORBIDDEN',
      `This needs the scope ${scope}; found: ${identity.scopes.join(' ') || 'none'}.`,
    );
  }
}

function macOf(key: Uint8Array, text: string): Uint8Array {
  return createHmac('sha256', key).update(text).digest();
}

function refused(found: string): GrapevineError {
  return new GrapevineError(
    'UNAUTHENTICATED',
    `This service answers only callers that the hop above vouches for; found ${found}.`,
  );
}
