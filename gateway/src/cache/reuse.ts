import type { CacheDirectives } from './cache-control.ts';
import type { StoredAnswer } from './stored-answer.ts';

/**
 * What may become of an answer that is kept, for one request:
 * - `fresh`: goes out as it is. `accepted`: stale, and the client takes it stale.
 * - `refresh`: goes out stale, and a new one is fetched behind it.
 * - `stale`: must be checked first. `asked`: is fresh, but the client wants it checked.
 */
export type Reuse = 'fresh' | 'accepted' | 'refresh' | 'stale' | 'asked';

/** RFC 9111 sections 4.2.4 and 5.2.1, RFC 5861 section 3. */
export function reuseOf(stored: StoredAnswer, request: CacheDirectives, nowMs: number): Reuse {
  const { terms } = stored;
  const left = stored.leftSeconds(nowMs);
  if (terms.mustValidate) return 'stale';
  if (request.has('no-cache')) return 'asked';
  const maxAge = request.seconds('max-age');
  // What came this very moment is not older than 0 seconds, and still not what a reload asks for.
  const tooOld = maxAge !== undefined && (maxAge === 0 || stored.ageSeconds(nowMs) > maxAge);
  if (left > (request.seconds('min-fresh') ?? 0)) return tooOld ? 'asked' : 'fresh';
  if (left > 0) return 'asked';
  if (tooOld || request.has('min-fresh')) return 'stale';
  if (request.has('max-stale') && !terms.neverStale) {
    const accepted = request.hasArgument('max-stale') ? (request.seconds('max-stale') ?? 0) : Number.POSITIVE_INFINITY;
    if (-left <= accepted) return 'accepted';
  }
  return -left < terms.staleWhileRevalidateSeconds ? 'refresh' : 'stale';
}

/** Whether it may stand in for an answer that cannot be had (RFC 5861 section 4). */
export function mayStandIn(stored: StoredAnswer, request: CacheDirectives, nowMs: number): boolean {
  const { neverStale, staleIfErrorSeconds } = stored.terms;
  if (neverStale) return false;
  const seconds = Math.max(staleIfErrorSeconds, request.seconds('stale-if-error') ?? 0);
  return seconds > 0 && -stored.leftSeconds(nowMs) < seconds;
}

/** Statuses for which an older answer may stand in (RFC 5861 section 4). */
export function isStandInStatus(status: number): boolean {
  return status === 500 || status === 502 || status === 503 || status === 504;
}
