import type { Clock } from '@grapevine/shared/clock.ts';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import type { Identity } from '@grapevine/shared/identity/identity.ts';
import { parseScopes } from '@grapevine/shared/identity/scopes.ts';
import { errors, type JWTHeaderParameters, type JWTVerifyOptions, jwtVerify } from 'jose';
import { z } from 'zod';
import { BoundedMap } from '../limits/bounded-map.ts';
import type { Credentials } from './credentials.ts';
import type { PinnedKey } from './key-set.ts';
import { refuseRevoked } from './revocations.ts';

export interface TokenRules {
  readonly issuer: string;
  readonly audience: string;
  readonly clockSkewSeconds: number;
  /** Verified tokens kept; 0 keeps none. */
  readonly cacheEntries: number;
}

interface VerifiedToken {
  readonly identity: Identity;
  /** `jti`, by which this token alone can be revoked. */
  readonly tokenId: string | undefined;
  /** First wall-clock millisecond at which the token counts no longer, skew included. */
  readonly expiresMs: number;
}

/** Longest token that is looked at; ours have about 400 characters. */
const maxTokenLength = 4_096;

/** RFC 6750 section 2.1. Decoders that read over other characters would take the same token in any number of spellings. */
const tokenPattern = /^[\w.~+/-]+=*$/;

/** As long as an id of ours can be. */
const maxKeyIdLength = 128;

const claimsSchema = z.looseObject({
  sub: z.string().min(1).max(256),
  exp: z.number(),
  scope: z.string().default(''),
  jti: z.string().optional(),
});

/**
 * Members by which a token brings its own key or says where to get one: whoever believes them believes anybody (RFC 8725
 * section 3.10).
 */
const keyBringers = ['jwk', 'jku', 'x5c', 'x5u'];

/**
 * Checks bearer tokens (JWT, RFC 7519): signature by the key that `kid` names with that key's own algorithm, issuer,
 * audience, `exp` and `nbf`. Tokens that passed are remembered until they expire, are revoked or the keys change, so that a
 * caller's second request costs a lookup instead of a signature check. Refused ones are not: anybody can make up any number.
 */
export class TokenVerifier {
  readonly #credentials: Pick<Credentials, 'tokenKeys' | 'revocations'>;
  readonly #rules: TokenRules;
  readonly #clock: Clock;
  #verified: BoundedMap<string, VerifiedToken>;
  /** Of the keys that `#verified` was filled with. */
  #keysVersion: number;

  constructor(credentials: Pick<Credentials, 'tokenKeys' | 'revocations'>, rules: TokenRules, clock: Clock) {
    this.#credentials = credentials;
    this.#rules = rules;
    this.#clock = clock;
    this.#verified = new BoundedMap(rules.cacheEntries);
    this.#keysVersion = credentials.tokenKeys.version;
  }

  /** The identity of a token that was verified before and still counts. */
  recall(token: string): Identity | undefined {
    this.#forgetOldKeys();
    const known = this.#verified.get(token);
    if (known === undefined) return undefined;
    if (this.#clock.wallMs() < known.expiresMs && !this.#isRevoked(known)) return known.identity;
    this.#verified.delete(token);
    return undefined;
  }

  /** The identity that `token` proves; throws `UNAUTHENTICATED` saying what is wrong with it, or `REVOKED`. */
  async verify(token: string): Promise<Identity> {
    const known = this.recall(token);
    if (known !== undefined) return known;
    const version = this.#credentials.tokenKeys.version;
    const fresh = await this.#check(token);
    // Keys that changed during the check may have lost the one that it used; finding a new one is such a change too.
    if (version === this.#credentials.tokenKeys.version) this.#verified.set(token, fresh);
    return fresh.identity;
  }

  #isRevoked({ tokenId, identity: { subject } }: VerifiedToken): boolean {
    return this.#credentials.revocations.covers({ tokenId, subject });
  }

  #forgetOldKeys(): void {
    if (this.#keysVersion === this.#credentials.tokenKeys.version) return;
    this.#keysVersion = this.#credentials.tokenKeys.version;
    this.#verified = new BoundedMap(this.#rules.cacheEntries);
  }

  async #check(token: string): Promise<VerifiedToken> {
    if (token.length > maxTokenLength) throw refused(`it has ${token.length} characters, expected at most 4,096`);
    if (!tokenPattern.test(token)) throw refused('it holds characters that no token has');
    const claims = await this.#verifiedClaims(token);
    const parsed = claimsSchema.safeParse(claims);
    if (!parsed.success) throw refused('its sub must be a text of 1 to 256 characters, its scope and jti texts');
    const { sub, exp, scope, jti: tokenId } = parsed.data;
    refuseRevoked(this.#credentials.revocations, { tokenId, subject: sub });
    return {
      identity: { subject: sub, scopes: parseScopes(scope) },
      tokenId,
      expiresMs: (exp + this.#rules.clockSkewSeconds) * 1_000,
    };
  }

  async #verifiedClaims(token: string): Promise<unknown> {
    const options: JWTVerifyOptions = {
      issuer: this.#rules.issuer,
      audience: this.#rules.audience,
      clockTolerance: this.#rules.clockSkewSeconds,
      currentDate: new Date(this.#clock.wallMs()),
      requiredClaims: ['exp', 'sub'],
    };
    try {
      const { payload } = await jwtVerify(token, async (header) => (await this.#keyFor(header)).key, options);
      return payload;
    } catch (error) {
      throw error instanceof errors.JOSEError ? refused(reasonOf(error)) : error;
    }
  }

  async #keyFor(header: JWTHeaderParameters): Promise<PinnedKey> {
    const { kid, alg } = header;
    const brought = keyBringers.find((member) => member in header);
    if (brought !== undefined)
      throw refused(`its header has the member ${brought}; keys are taken from nowhere but our own set`);
    const key =
      typeof kid === 'string' && kid.length <= maxKeyIdLength ? await this.#credentials.tokenKeys.find(kid) : undefined;
    if (key === undefined) throw refused('no key of ours has the id that it names');
    // The pin: an HS256 token "signed" with the public key's bytes must not reach the check (RFC 8725 section 2.1).
    if (key.algorithm !== alg) throw refused('its alg is not the one of the key that it names');
    return key;
  }
}

/** What a caller may know about a failed check: enough to mend an honest mistake. */
function reasonOf(error: errors.JOSEError): string {
  if (error instanceof errors.JWTExpired) return 'it has expired';
  if (error instanceof errors.JWTClaimValidationFailed)
    return `its claim ${error.claim} is missing or not what is expected`;
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'its signature does not fit';
  return 'it is not a well-formed signed JWT';
}

function refused(reason: string): GrapevineError {
  return new GrapevineError('UNAUTHENTICATED', `The token was refused: ${reason}.`);
}
