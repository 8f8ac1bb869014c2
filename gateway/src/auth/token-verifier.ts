import type { Clock } from '@grapevine/shared/clock.ts';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import type { Identity } from '@grapevine/shared/identity/identity.ts';
import { parseScopes } from '@grapevine/shared/identity/scopes.ts';
import { errors, type JWTVerifyOptions, jwtVerify } from 'jose';
import { z } from 'zod';
import { BoundedMap } from '../limits/bounded-map.ts';
import type { KeySet, PinnedKey } from './key-set.ts';

export interface TokenRules {
  readonly issuer: string;
  readonly audience: string;
  readonly clockSkewSeconds: number;
  /** Verified tokens kept; 0 keeps none. */
  readonly cacheEntries: number;
}

interface VerifiedToken {
  readonly identity: Identity;
  /** First wall-clock millisecond at which the token counts no longer, skew included. */
  readonly expiresMs: number;
}

/** Longest token that is looked at; ours have about 400 characters. */
const maxTokenLength = 4_096;

const claimsSchema = z.looseObject({
  sub: z.string().min(1).max(256),
  exp: z.number(),
  scope: z.string().default(''),
});

/**
 * Checks bearer tokens (JWT, RFC 7519): signature by the key that `kid` names with that key's own algorithm, issuer,
 * audience, `exp` and `nbf`. Tokens that passed are remembered until they expire, so that a caller's second request costs
 * a lookup instead of a signature check; the least recently used are forgotten first.
 */
export class TokenVerifier {
  readonly #keys: KeySet;
  readonly #rules: TokenRules;
  readonly #clock: Clock;
  readonly #verified: BoundedMap<string, VerifiedToken>;

  constructor(keys: KeySet, rules: TokenRules, clock: Clock) {
    this.#keys = keys;
    this.#rules = rules;
    this.#clock = clock;
    this.#verified = new BoundedMap(rules.cacheEntries);
  }

  /** The identity of a token that was verified before and still counts. */
  recall(token: string): Identity | undefined {
    const known = this.#verified.get(token);
    if (known === undefined) return undefined;
    if (this.#clock.wallMs() < known.expiresMs) return known.identity;
    this.#verified.delete(token);
    return undefined;
  }

  /** The identity that `token` proves; throws `UNAUTHENTICATED` saying what is wrong with it. */
  async verify(token: string): Promise<Identity> {
    const known = this.recall(token);
    if (known !== undefined) return known;
    const fresh = await this.#check(token);
    this.#verified.set(token, fresh);
    return fresh.identity;
  }

  async #check(token: string): Promise<VerifiedToken> {
    if (token.length > maxTokenLength) throw refused(`it has ${token.length} characters, expected at most 4,096`);
    const claims = await this.#verifiedClaims(token);
    const parsed = claimsSchema.safeParse(claims);
    if (!parsed.success) throw refused('its sub must be a text of 1 to 256 characters and its scope a text');
    const { sub, exp, scope } = parsed.data;
    return {
      identity: { subject: sub, scopes: parseScopes(scope) },
      expiresMs: (exp + this.#rules.clockSkewSeconds) * 1_000,
    };
  }

  async #verifiedClaims(token: string): Promise<unknown> {
    const options: JWTVerifyOptions = {
      algorithms: ['EdDSA', 'HS256'],
      issuer: this.#rules.issuer,
      audience: this.#rules.audience,
      clockTolerance: this.#rules.clockSkewSeconds,
      currentDate: new Date(this.#clock.wallMs()),
      requiredClaims: ['exp', 'sub'],
    };
    try {
      const { payload } = await jwtVerify(token, ({ kid, alg }) => this.#keyFor(kid, alg).key, options);
      return payload;
    } catch (error) {
      throw error instanceof errors.JOSEError ? refused(reasonOf(error)) : error;
    }
  }

  #keyFor(kid: string | undefined, algorithm: string): PinnedKey {
    const key = kid === undefined ? undefined : this.#keys.get(kid);
    if (key === undefined) throw refused('no key of ours has the id that it names');
    // The pin: an HS256 token "signed" with the public key's bytes must not reach the check (RFC 8725 section 2.1).
    if (key.algorithm !== algorithm) throw refused('its alg is not the one of the key that it names');
    return key;
  }
}

/** What a caller may know about a failed check: enough to mend an honest mistake. */
function reasonOf(error: errors.JOSEError): string {
  if (error instanceof errors.JWTExpired) return 'it has expired';
  if (error instanceof errors.JWTClaimValidationFailed)
    return `its claim ${error.claim} is missing or not what is expected`;
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'its signature does not fit';
  if (error instanceof errors.JOSEAlgNotAllowed) return 'its alg is not allowed';
  return 'it is not a well-formed signed JWT';
}

function refused(reason: string): GrapevineError {
  return new GrapevineError('UNAUTHENTICATED', `The token was refused: ${reason}.`);
}
