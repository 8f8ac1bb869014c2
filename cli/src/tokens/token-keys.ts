import { readFile } from 'node:fs/promises';
import { toBase64Url } from '@grapevine/shared/contracts/base64url.ts';
import type { Random } from '@grapevine/shared/random.ts';
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK } from 'jose';
import { z } from 'zod';
import { CommandError } from '../command-error.ts';
import { writePrivateFile } from '../private-file.ts';

/** How tokens are signed. EdDSA: the gateway cannot make tokens. HS256: for clients that know nothing else. */
export const tokenAlgorithms = ['EdDSA', 'HS256'] as const;
export type TokenAlgorithm = (typeof tokenAlgorithms)[number];

export interface TokenKey {
  readonly kid: string;
  readonly key: JWK;
}

const keySchema = z.looseObject({ alg: z.enum(tokenAlgorithms), kid: z.string().min(1), kty: z.string() });
const keySetSchema = z.object({ keys: z.array(keySchema) });

/**
 * Makes both signing keys in `dir`: `token-key.json` holds the private half of the EdDSA pair (RFC 8037) and is read by
 * nobody but the command line; `jwks.json` (RFC 7517) is what the gateway checks tokens with.
 */
export async function makeTokenKeys(dir: string, random: Random): Promise<void> {
  const pair = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true });
  const privateKey = await named(await exportJWK(pair.privateKey), 'EdDSA');
  const publicKey = await named(await exportJWK(pair.publicKey), 'EdDSA');
  const sharedKey = await named({ kty: 'oct', k: toBase64Url(random.bytes(32)) }, 'HS256');
  await writePrivateFile(`${dir}/token-key.json`, `${JSON.stringify(privateKey, undefined, 2)}\n`);
  // Last: a set-up that was cut off before this file starts over.
  await writePrivateFile(`${dir}/jwks.json`, `${JSON.stringify({ keys: [publicKey, sharedKey] }, undefined, 2)}\n`);
}

/** The key in `dir` that signs tokens with `algorithm`. */
export async function readTokenKey(dir: string, algorithm: TokenAlgorithm): Promise<TokenKey> {
  if (algorithm === 'EdDSA') return tokenKeyOf(keySchema.parse(await readJson(`${dir}/token-key.json`)));
  const { keys } = keySetSchema.parse(await readJson(`${dir}/jwks.json`));
  const key = keys.find(({ alg }) => alg === 'HS256');
  if (key === undefined) throw new CommandError(`${dir}/jwks.json has no HS256 key; use --alg EdDSA.`);
  return tokenKeyOf(key);
}

function tokenKeyOf(key: z.infer<typeof keySchema>): TokenKey {
  return { kid: key.kid, key };
}

/** The key with its algorithm, which the gateway then insists on, and RFC 7638's name for it. */
async function named(key: JWK, alg: TokenAlgorithm): Promise<JWK> {
  return { ...key, alg, use: 'sig', kid: await calculateJwkThumbprint(key) };
}

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CommandError(
      `cannot read the signing key ${path} (${reason}); make keys with \`grapevine up\`, or name their folder with --data-dir.`,
      1,
      { cause: error },
    );
  }
}
