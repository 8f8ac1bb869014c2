import { createHash } from 'node:crypto';
import { z } from 'zod';
import { toBase64Url } from '../contracts/base64url.ts';
import type { Random } from '../random.ts';
import { scopes } from './scopes.ts';

const idBytes = 8;
const secretBytes = 32;
/** `gvk_<id>_<secret>`: the prefix is what scanners for leaked secrets look for. */
const pattern = /^gvk_([0-9a-f]{16})_[A-Za-z0-9_-]{43}$/;

/** What the file of API keys says of one: everything but the key. */
const apiKeyEntrySchema = z.strictObject({
  id: z.string().regex(/^[0-9a-f]{16}$/, 'expected 16 hexadecimal digits'),
  sha256: z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 hexadecimal digits'),
  /** The principal. */
  subject: z.string().min(1).max(256),
  scopes: z.array(z.enum(scopes)),
  /** Requests per second, and at once, for this key alone; without it the key counts for its principal. */
  rate: z
    .strictObject({ perSecond: z.int().min(1).max(10_000_000), burst: z.int().min(1).max(10_000_000) })
    .refine(({ perSecond, burst }) => burst >= perSecond, {
      path: ['burst'],
      error: 'expected at least as many as perSecond',
    })
    .optional(),
  expires: z.iso.datetime().optional(),
});
export type ApiKeyEntry = z.output<typeof apiKeyEntrySchema>;

/** As many as fit the largest file that is watched. */
export const apiKeyFileSchema = z.strictObject({ keys: z.array(apiKeyEntrySchema).max(4_000) });

/** A fresh key, which is shown once, and what is kept of it. */
export function makeApiKey(random: Random): { readonly key: string; readonly id: string; readonly sha256: string } {
  const id = Buffer.from(random.bytes(idBytes)).toString('hex');
  const key = `gvk_${id}_${toBase64Url(random.bytes(secretBytes))}`;
  return { key, id, sha256: apiKeyHash(key).toString('hex') };
}

/**
 * SHA-256 of a key, 32 bytes. A slow, salted hash is for passwords, which can be guessed from a list; 256 random bits
 * cannot, and each request pays for this.
 */
export function apiKeyHash(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}

/** The id in a key, or undefined if it has not the form of one. */
export function apiKeyIdOf(key: string): string | undefined {
  return pattern.exec(key)?.[1];
}
