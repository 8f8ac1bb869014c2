import type { IncomingHttpHeaders } from 'node:http';
import { parseHttpDate } from './http-date.ts';

/** What a client asks under a condition that only the origin can judge, or asks a part of (RFC 9111 section 4.3.2). */
export function isForOrigin(headers: IncomingHttpHeaders): boolean {
  return (
    headers.range !== undefined ||
    headers['if-match'] !== undefined ||
    headers['if-unmodified-since'] !== undefined ||
    headers['if-range'] !== undefined
  );
}

/** Whether the client has this answer already, by the conditions of a GET or HEAD (RFC 9110 section 13.2.2). */
export function clientHas(
  { 'if-none-match': tags, 'if-modified-since': since }: IncomingHttpHeaders,
  answer: { readonly status: number; readonly headers: IncomingHttpHeaders; readonly dateMs: number },
): boolean {
  if (answer.status !== 200) return false;
  if (tags !== undefined) return matchesTag(tags, answer.headers.etag);
  if (since === undefined) return false;
  const sinceMs = parseHttpDate(since, answer.dateMs);
  const modified = answer.headers['last-modified'];
  const modifiedMs = modified === undefined ? answer.dateMs : parseHttpDate(modified, answer.dateMs);
  return sinceMs !== undefined && modifiedMs !== undefined && modifiedMs <= sinceMs;
}

/** Compares weakly, as `If-None-Match` asks (RFC 9110 section 13.1.2). */
function matchesTag(tags: string, etag: string | undefined): boolean {
  if (tags.trim() === '*') return true;
  if (etag === undefined) return false;
  return (tags.match(/(?:W\/)?"[^"]*"/g) ?? []).some((tag) => opaque(tag) === opaque(etag));
}

function opaque(tag: string): string {
  return tag.startsWith('W/') ? tag.slice(2) : tag;
}

/** The conditions by which the upstream can say that an answer still holds (RFC 9111 section 4.3.1), names and values in turn. */
export function conditionsFor({ etag, 'last-modified': modified }: IncomingHttpHeaders): readonly string[] {
  return [
    ...(etag === undefined ? [] : ['if-none-match', etag]),
    ...(modified === undefined ? [] : ['if-modified-since', modified]),
  ];
}

/** Whether a 304 is about what is kept, which it confirms then (RFC 9111 section 4.3.4). */
export function confirms(confirmed: IncomingHttpHeaders, kept: IncomingHttpHeaders): boolean {
  const { etag } = confirmed;
  return etag === undefined || kept.etag === undefined || opaque(etag) === opaque(kept.etag);
}

/** Say how the body is written, of which there is none in a 304 (RFC 9111 section 3.2). */
const ofTheBody = new Set(['content-length', 'content-encoding', 'content-type', 'content-range', 'transfer-encoding']);

/** Headers of a kept answer, with those of the 304 that confirmed it in their place (RFC 9111 section 3.2). */
export function updatedHeaders(kept: IncomingHttpHeaders, confirmed: IncomingHttpHeaders): IncomingHttpHeaders {
  const updated = { ...kept };
  // An age and a warning told of the old one.
  delete updated.age;
  for (const name in confirmed) if (!ofTheBody.has(name)) updated[name] = confirmed[name];
  return updated;
}

/** Headers of a 304 that we make ourselves (RFC 9110 section 15.4.5). */
export const notModifiedNames: ReadonlySet<string> = new Set([
  'cache-control',
  'content-location',
  'date',
  'etag',
  'expires',
  'grapevine-consistency',
  'last-modified',
  'link',
  'vary',
]);

/** What a 304 in place of an answer has of its headers. */
export function notModifiedHeaders(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => notModifiedNames.has(name)));
}
