import type { IncomingHttpHeaders } from 'node:http';
import { answerDirectives, type CacheDirectives } from './cache-control.ts';
import { parseHttpDate } from './http-date.ts';
import type { Sharing, Terms } from './stored-answer.ts';
import { variesByEverything } from './vary.ts';

/**
 * Statuses whose answers may be kept: those that HTTP itself calls cacheable, and redirects that say so. Not 206, which is a
 * part. Not other errors: they often come from something in the request that is not part of its address, and whoever causes
 * one would take the page away from everybody ("cache-poisoned denial of service").
 */
const storable = new Set([200, 203, 204, 300, 301, 302, 303, 307, 308, 404, 410]);
/** Those that may be kept without being told for how long (RFC 9110 section 15.1). */
const storableUntold = new Set([200, 203, 204, 300, 301, 308, 404, 410]);

/** When an answer was asked for and came. */
export interface AnswerTimes {
  /** Milliseconds since the Unix epoch. */
  readonly receivedMs: number;
  /** From the request to the head of the answer, in milliseconds. */
  readonly delayMs: number;
}

/**
 * The terms on which a shared cache may keep the answer to a GET (RFC 9111 sections 3 and 4.2). `authenticated`: somebody
 * proved who they are. Without a word about how long, an answer is not called fresh by any heuristic: it can be kept, and is
 * checked every time.
 */
export function termsOf(
  authenticated: boolean,
  status: number,
  headers: IncomingHttpHeaders,
  { receivedMs, delayMs }: AnswerTimes,
): Terms {
  const { directives, targeted } = answerDirectives(headers);
  const date = typeof headers.date === 'string' ? parseHttpDate(headers.date, receivedMs) : undefined;
  const dateMs = date ?? receivedMs;
  const expires = targeted ? undefined : expiresAfter(headers, dateMs, receivedMs);
  const lifetime = directives.seconds('s-maxage') ?? directives.seconds('max-age') ?? expires;
  const mustValidate = directives.has('no-cache');
  const neverStale =
    mustValidate || ['must-revalidate', 'proxy-revalidate', 's-maxage'].some((name) => directives.has(name));
  const terms = {
    lifetimeSeconds: mustValidate ? 0 : (lifetime ?? 0),
    initialAgeSeconds: initialAge(headers, dateMs, receivedMs, delayMs),
    mustValidate,
    neverStale,
    staleWhileRevalidateSeconds: neverStale ? 0 : (directives.seconds('stale-while-revalidate') ?? 0),
    staleIfErrorSeconds: neverStale ? 0 : (directives.seconds('stale-if-error') ?? 0),
    dateMs,
  };
  const told = lifetime !== undefined || directives.has('public');
  const sharing =
    isWorthKeeping(terms, headers) && (told ? storable : storableUntold).has(status)
      ? sharingOf(authenticated, status, headers, directives)
      : 'nobody';
  return { sharing, ...terms };
}

/** RFC 9111 sections 3 and 3.5. */
function sharingOf(
  authenticated: boolean,
  status: number,
  headers: IncomingHttpHeaders,
  directives: CacheDirectives,
): Sharing {
  // Every status that gets here is understood (RFC 9111 section 5.2.2.3).
  const noStore = directives.has('no-store') && !(directives.has('must-understand') && storable.has(status));
  if (noStore || directives.has('private') || variesByEverything(headers.vary)) return 'nobody';
  // A cookie is made for one caller. The RFC would allow it; nobody would want it.
  if (headers['set-cookie'] !== undefined) return 'nobody';
  if (!authenticated || directives.has('public') || directives.has('s-maxage')) return 'everybody';
  // The RFC would let it go to everybody; services say this without meaning that much.
  return directives.has('must-revalidate') ? 'principal' : 'nobody';
}

/** Whether it can ever be of use: fresh, checked, or stale with leave. */
function isWorthKeeping(terms: Omit<Terms, 'sharing'>, headers: IncomingHttpHeaders): boolean {
  const staleSeconds = Math.max(terms.staleWhileRevalidateSeconds, terms.staleIfErrorSeconds);
  if (terms.lifetimeSeconds + staleSeconds > terms.initialAgeSeconds) return true;
  return headers.etag !== undefined || headers['last-modified'] !== undefined;
}

/** Seconds from `Date` to `Expires`; 0 for what is no date, `0` above all (RFC 9111 section 5.3). */
function expiresAfter({ expires }: IncomingHttpHeaders, dateMs: number, nowMs: number): number | undefined {
  if (expires === undefined) return undefined;
  const ms = parseHttpDate(expires, nowMs);
  return ms === undefined ? 0 : Math.max(0, (ms - dateMs) / 1_000);
}

/** RFC 9111 section 4.2.3. Of several ages the first counts; what is no number is ignored (section 5.1). */
function initialAge({ age }: IncomingHttpHeaders, dateMs: number, receivedMs: number, delayMs: number): number {
  const [, told = '0'] = /^\s*(\d+)\s*(?:,|$)/.exec(age ?? '') ?? [];
  const apparent = Math.max(0, (receivedMs - dateMs) / 1_000);
  return Math.max(apparent, Number(told) + delayMs / 1_000);
}
