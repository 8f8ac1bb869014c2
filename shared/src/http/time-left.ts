import type { IncomingMessage } from 'node:http';
import type { Clock } from '../clock.ts';

/**
 * Says how many milliseconds whoever asks will still wait. Relative, so that clocks need not agree; each hop tells the next
 * one what is left. Whatever arrives under this name from outside is removed.
 */
export const timeLeftHeader = 'grapevine-time-left';

/** Longest time that is believed; nobody waits an hour for an answer. */
const longestMs = 3_600_000;

/** When whoever asks will wait no longer, by the monotonic clock; undefined when the header is missing or no sensible number. */
export function deadlineOf({ headers }: IncomingMessage, clock: Clock): number | undefined {
  const value = headers[timeLeftHeader];
  if (typeof value !== 'string' || !/^\d{1,7}$/.test(value)) return undefined;
  return clock.monotonicMs() + Math.min(longestMs, Number(value));
}
