import { setTimeout as delay } from 'node:timers/promises';

/** Between two looks, in milliseconds: cheap for what is looked at, and hardly adds to a test's time. */
const intervalMs = 25;

/**
 * Resolves with what `look` finds as soon as that is neither undefined nor false. An error counts as not found, since what
 * is waited for may not answer yet. Rejects after `deadlineMs`, naming `what` and the last error.
 */
export async function until<Found>(
  what: string,
  look: () => Promise<Found | undefined | false> | Found | undefined | false,
  deadlineMs = 20_000,
): Promise<Found> {
  const deadline = performance.now() + deadlineMs;
  let last: unknown;
  while (performance.now() < deadline) {
    try {
      const found = await look();
      if (found !== undefined && found !== false) return found;
      last = undefined;
    } catch (error) {
      last = error;
    }
    await delay(intervalMs);
  }
  throw new Error(`not within ${deadlineMs} ms: ${what}`, { cause: last });
}
