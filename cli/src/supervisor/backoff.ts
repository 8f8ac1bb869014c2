/** How long to wait before a crashed process is started again, all in milliseconds. */
export interface RestartPolicy {
  readonly firstDelayMs: number;
  /** Each crash in a row doubles the delay up to this. */
  readonly maxDelayMs: number;
  /** A process that lived this long has not crashed "in a row". */
  readonly stableAfterMs: number;
}

/**
 * 200 ms is short enough that clients with retries notice nothing, 10 s often enough to be back soon after somebody has
 * mended the cause, and rare enough that a process that cannot live does not keep the machine busy.
 */
export const defaultRestartPolicy: RestartPolicy = { firstDelayMs: 200, maxDelayMs: 10_000, stableAfterMs: 30_000 };

/** The delay after a life of `livedMs`, when the delay before that life was `previousMs` (0 before the first). */
export function nextDelay(policy: RestartPolicy, previousMs: number, livedMs: number): number {
  if (previousMs === 0 || livedMs >= policy.stableAfterMs) return policy.firstDelayMs;
  return Math.min(previousMs * 2, policy.maxDelayMs);
}
