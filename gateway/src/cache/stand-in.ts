import type { CacheDirectives } from './cache-control.ts';
import { type Forwarded, forwardedStatus } from './cache-status.ts';
import type { ReadResult } from './cacheable-read.ts';
import { mayStandIn } from './reuse.ts';
import type { StoredAnswer } from './stored-answer.ts';

/**
 * What is kept, in place of an answer that cannot be had (RFC 5861 section 4); undefined when it may not be. `status` is that of the
 * upstream's answer, if it gave one.
 */
export function standInFor(
  stored: StoredAnswer | undefined,
  directives: CacheDirectives,
  nowMs: number,
  why: Forwarded,
  status: number | undefined,
): ReadResult | undefined {
  if (stored === undefined || stored.terms.sharing === 'nobody') return undefined;
  if (!mayStandIn(stored, directives, nowMs)) return undefined;
  const leftSeconds = stored.leftSeconds(nowMs);
  const text = forwardedStatus(why, status === undefined ? { leftSeconds } : { status, leftSeconds });
  return { verdict: 'stale', status: text, answer: stored };
}
