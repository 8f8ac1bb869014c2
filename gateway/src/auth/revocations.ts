import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { z } from 'zod';
import { readCredentials } from './credential-file.ts';

/** What one credential can be revoked by. */
export interface Revocable {
  /** `jti` of a token. */
  readonly tokenId?: string | undefined;
  readonly apiKeyId?: string;
  /** The principal, with all its credentials. */
  readonly subject: string;
}

/** Credentials that were taken back before they expired, as it is in force whenever it is asked. */
export interface Revocations {
  covers(credential: Revocable): boolean;
}

const ids = z.array(z.string().min(1).max(256)).default([]);
const fileSchema = z.strictObject({ tokens: ids, apiKeys: ids, subjects: ids });

/** Nothing was taken back. */
export const noRevocations: Revocations = { covers: () => false };

/** Reads a revocation list; throws `CONFIG_INVALID` naming `path` and what is wrong. */
export function parseRevocations(text: string, path: string): Revocations {
  const lists = readCredentials(fileSchema, text, 'revocation list', path);
  const tokens = new Set(lists.tokens);
  const apiKeys = new Set(lists.apiKeys);
  const subjects = new Set(lists.subjects);
  return {
    covers: ({ tokenId, apiKeyId, subject }) =>
      subjects.has(subject) ||
      (tokenId !== undefined && tokens.has(tokenId)) ||
      (apiKeyId !== undefined && apiKeys.has(apiKeyId)),
  };
}

/** Throws `REVOKED` for what was taken back. */
export function refuseRevoked(revocations: Revocations, credential: Revocable): void {
  if (!revocations.covers(credential)) return;
  throw new GrapevineError('REVOKED', 'These credentials were revoked.');
}
