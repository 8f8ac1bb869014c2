import { type CryptoKey, importJWK } from 'jose';
import { z } from 'zod';
import { readCredentials, unusableCredentials } from './credential-file.ts';

const what = 'token keys';
/** Key ids are looked up for every new token; a longer one is no id that we gave. */
const keyId = z.string().min(1).max(128);
const use = z.literal('sig').default('sig');
/** A coordinate or a public key; the longest, of P-521, has 88 characters. */
const coordinate = z.string().max(88);
/** Shorter RSA keys than 2,048 bits can be broken (RFC 7518 section 3.3); beyond 8,192 each check takes a millisecond. */
const modulus = z.string().regex(/^[A-Za-z0-9_-]{342,1366}$/, 'expected 2048 to 8192 bits as base64url');
/** An HMAC key shorter than the hash can be guessed more easily than the hash (RFC 7518 section 3.2). */
const secret = (bytes: number): z.ZodString =>
  z
    .string()
    .regex(
      new RegExp(`^[A-Za-z0-9_-]{${Math.ceil((bytes * 4) / 3)},}$`),
      `expected at least ${bytes} bytes as base64url`,
    );

const rsa = { kty: z.literal('RSA'), kid: keyId, n: modulus, e: z.string().max(16), use };
const okp = { kty: z.literal('OKP'), kid: keyId, crv: z.literal('Ed25519'), x: coordinate, use };
const ec = { kty: z.literal('EC'), kid: keyId, x: coordinate, y: coordinate, use };
const oct = { kty: z.literal('oct'), kid: keyId, use };

/** Public keys of all kinds, each with its one algorithm (RFC 7518 section 3.1, RFC 8037). */
const publicKeys = [
  z.strictObject({ alg: z.literal('EdDSA'), ...okp }),
  z.strictObject({ alg: z.literal('ES256'), crv: z.literal('P-256'), ...ec }),
  z.strictObject({ alg: z.literal('ES384'), crv: z.literal('P-384'), ...ec }),
  z.strictObject({ alg: z.literal('ES512'), crv: z.literal('P-521'), ...ec }),
  z.strictObject({ alg: z.enum(['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512']), ...rsa }),
] as const;

/** Strict, so that a private key (member `d`) is refused instead of lying about in a file that only needs public ones. */
const jwkSchema = z.discriminatedUnion('alg', [
  ...publicKeys,
  z.strictObject({ alg: z.literal('HS256'), k: secret(32), ...oct }),
  z.strictObject({ alg: z.literal('HS384'), k: secret(48), ...oct }),
  z.strictObject({ alg: z.literal('HS512'), k: secret(64), ...oct }),
]);
const publicJwkSchema = z.discriminatedUnion('alg', [...publicKeys]);
type Jwk = z.output<typeof jwkSchema>;

/** Keys beyond this are a mistake: rotation needs two of each kind. */
const maxKeys = 64;

const keySetSchema = z.looseObject({ keys: z.array(jwkSchema).min(1).max(maxKeys) });
const foreignKeySetSchema = z.looseObject({ keys: z.array(z.looseObject({})).min(1).max(maxKeys) });

export type TokenAlgorithm = Jwk['alg'];

/** A key with the one algorithm that it may be used with. */
export interface PinnedKey {
  readonly algorithm: TokenAlgorithm;
  readonly key: CryptoKey | Uint8Array;
}

/** Key id → key. */
export type KeySet = ReadonlyMap<string, PinnedKey>;

/**
 * Reads a JWK set (RFC 7517) of ours, whose keys each name their `kid` and `alg`. The algorithm is pinned per key, so that a
 * token cannot choose how it is checked (RFC 8725 section 3.1). Throws `CONFIG_INVALID` naming `source` and what is wrong.
 */
export async function parseKeySet(text: string, source: string): Promise<KeySet> {
  const keys = new Map<string, PinnedKey>();
  for (const jwk of readCredentials(keySetSchema, text, what, source).keys) {
    if (keys.has(jwk.kid)) throw unusableCredentials(what, source, `two keys have the id ${jwk.kid}`);
    keys.set(jwk.kid, await pinned(jwk, source));
  }
  return keys;
}

/**
 * Reads a JWK set that somebody else publishes. Keys that are not for us (other kinds, for encryption, without an id) are
 * left out, as RFC 7517 section 5 asks; so are shared secrets, which nobody publishes. A key without `alg` is pinned to the
 * usual one of its kind. Throws `CONFIG_INVALID` if no usable key is left.
 */
export async function parseForeignKeySet(text: string, source: string): Promise<KeySet> {
  const keys = new Map<string, PinnedKey>();
  for (const foreign of readCredentials(foreignKeySetSchema, text, what, source).keys) {
    const { success, data: jwk } = publicJwkSchema.safeParse(essence(foreign));
    if (success && !keys.has(jwk.kid)) keys.set(jwk.kid, await pinned(jwk, source));
  }
  if (keys.size === 0) throw unusableCredentials(what, source, 'it has no public key for signatures with a kid');
  return keys;
}

/** The members that matter, without certificates and hints. */
function essence({ alg, kty, kid, use, crv, x, y, n, e }: Readonly<Record<string, unknown>>): unknown {
  const members = { alg: alg ?? usualAlgorithm(kty, crv), kty, kid, use, crv, x, y, n, e };
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}

/** RS256 is what OpenID Connect Core section 2 takes for granted; a curve has only one algorithm. */
function usualAlgorithm(kty: unknown, crv: unknown): TokenAlgorithm | undefined {
  if (kty === 'RSA') return 'RS256';
  if (kty === 'OKP') return 'EdDSA';
  return { 'P-256': 'ES256', 'P-384': 'ES384', 'P-521': 'ES512' }[String(crv)] as TokenAlgorithm | undefined;
}

async function pinned(jwk: Jwk, source: string): Promise<PinnedKey> {
  try {
    return { algorithm: jwk.alg, key: await importJWK(jwk, jwk.alg) };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw unusableCredentials(what, source, `key ${jwk.kid}: ${reason}`);
  }
}
