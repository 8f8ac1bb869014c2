import { readFileSync } from 'node:fs';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { describeIssues } from '@grapevine/shared/http/parse.ts';
import { type CryptoKey, importJWK } from 'jose';
import { z } from 'zod';

/** Key ids are looked up for every new token; a longer one is no id that we gave. */
const keyId = z.string().min(1).max(128);
/** Below the length of the hash an HMAC key can be guessed more easily than the hash (RFC 7518 section 3.2). */
const hmacKeyPattern = /^[A-Za-z0-9_-]{43,}$/;

/** Strict, so that a private key (member `d`) is refused instead of lying about in a file that only needs public ones. */
const jwkSchema = z.discriminatedUnion('alg', [
  z.strictObject({
    alg: z.literal('EdDSA'),
    kty: z.literal('OKP'),
    crv: z.literal('Ed25519'),
    kid: keyId,
    x: z.string(),
    use: z.literal('sig').default('sig'),
  }),
  z.strictObject({
    alg: z.literal('HS256'),
    kty: z.literal('oct'),
    kid: keyId,
    k: z.string().regex(hmacKeyPattern, 'expected at least 32 bytes as base64url'),
    use: z.literal('sig').default('sig'),
  }),
]);

/** Keys beyond this are a mistake: rotation needs two of each kind. */
const maxKeys = 64;

const keySetSchema = z.looseObject({ keys: z.array(jwkSchema).min(1).max(maxKeys) });

export type TokenAlgorithm = z.infer<typeof jwkSchema>['alg'];

/** A key with the one algorithm that it may be used with. */
export interface PinnedKey {
  readonly algorithm: TokenAlgorithm;
  readonly key: CryptoKey | Uint8Array;
}

/** Key id → key. */
export type KeySet = ReadonlyMap<string, PinnedKey>;

/**
 * Reads a JWK set (RFC 7517) whose keys each name their `kid` and `alg`. The algorithm is pinned per key, so that a token
 * cannot choose how it is checked (RFC 8725 section 3.1). Throws `CONFIG_INVALID` naming the file and what is wrong.
 */
export async function readKeySet(path: string): Promise<KeySet> {
  const refuse = (reason: string): GrapevineError =>
    new GrapevineError('CONFIG_INVALID', `Cannot use the token keys in ${path}: ${reason}`);
  const parsed = keySetSchema.safeParse(readJson(path, refuse));
  if (!parsed.success) throw refuse(describeIssues(parsed.error.issues));
  const keys = new Map<string, PinnedKey>();
  for (const jwk of parsed.data.keys) {
    if (keys.has(jwk.kid)) throw refuse(`two keys have the id ${jwk.kid}`);
    try {
      keys.set(jwk.kid, { algorithm: jwk.alg, key: await importJWK(jwk, jwk.alg) });
    } catch (error) {
      throw refuse(`key ${jwk.kid}: ${messageOf(error)}`);
    }
  }
  return keys;
}

function readJson(path: string, refuse: (reason: string) => GrapevineError): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw refuse(messageOf(error));
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
