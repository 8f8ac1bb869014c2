import type { Clock } from '@grapevine/shared/clock.ts';
import { toBase64Url } from '@grapevine/shared/contracts/base64url.ts';
import type { Scope } from '@grapevine/shared/identity/scopes.ts';
import type { Random } from '@grapevine/shared/random.ts';
import { importJWK, SignJWT } from 'jose';
import type { TokenAlgorithm, TokenKey } from './token-keys.ts';

export interface TokenClaims {
  readonly subject: string;
  readonly scopes: readonly Scope[];
  readonly ttlSeconds: number;
  readonly issuer: string;
  readonly audience: string;
}

/** A JWT (RFC 7519) as the gateway takes it: `iss`, `aud`, `sub`, `scope` separated by spaces, `iat`, `exp`, `jti`. */
export async function signToken(
  claims: TokenClaims,
  algorithm: TokenAlgorithm,
  { kid, key }: TokenKey,
  clock: Clock,
  random: Random,
): Promise<string> {
  const now = Math.floor(clock.wallMs() / 1_000);
  return new SignJWT({ scope: claims.scopes.join(' ') })
    .setProtectedHeader({ alg: algorithm, kid, typ: 'JWT' })
    .setIssuer(claims.issuer)
    .setAudience(claims.audience)
    .setSubject(claims.subject)
    .setIssuedAt(now)
    .setExpirationTime(now + claims.ttlSeconds)
    .setJti(toBase64Url(random.bytes(16)))
    .sign(await importJWK(key, algorithm));
}
