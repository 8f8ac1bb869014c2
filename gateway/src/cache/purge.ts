import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { z } from 'zod';

/** Which answers are to go: those at one address, at all that begin alike, or all. */
export const purgeSchema = z.union([
  z.strictObject({ url: z.string() }),
  z.strictObject({ prefix: z.string().min(1) }),
  z.strictObject({ all: z.literal('true') }),
]);
export type Purge = z.infer<typeof purgeSchema>;

/** Throws `INVALID_ARGUMENT` for a query that is none of the three. */
export function parsePurge(query: URLSearchParams): Purge {
  const parsed = purgeSchema.safeParse(Object.fromEntries(query));
  if (parsed.success) return parsed.data;
  const found = query.toString() === '' ? 'nothing' : query.toString();
  throw new GrapevineError('INVALID_ARGUMENT', `Found ${found}; expected url=…, prefix=… or all=true.`);
}

/** Whether an address is to go. What begins with a slash means every host. */
export function purges(purge: Purge): (uri: string) => boolean {
  if ('all' in purge) return () => true;
  if ('url' in purge) return (uri) => addressAs(purge.url, uri) === purge.url;
  return (uri) => addressAs(purge.prefix, uri).startsWith(purge.prefix);
}

function addressAs(pattern: string, uri: string): string {
  return pattern.startsWith('/') ? uri.slice(uri.indexOf('/', 'https://'.length)) : uri;
}
