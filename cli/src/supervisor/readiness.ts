import { setTimeout as delay } from 'node:timers/promises';
import type { PeerFetch } from '@grapevine/shared/http/mutual-tls.ts';

/** Between two questions, in milliseconds: a fraction of a start, and cheap for both sides. */
const intervalMs = 50;
/** For one answer; a process that is busy starting may let it pass. */
const answerMs = 1_000;

/**
 * Asks `url` until it answers 200; rejects only when `signal` aborts. Each other outcome goes to `onUnready`, as a reason
 * for people.
 */
export async function waitUntilReady(
  url: string,
  signal: AbortSignal,
  fetch: PeerFetch,
  onUnready: (reason: string) => void,
): Promise<void> {
  for (;;) {
    const reason = await unreadyReason(url, signal, fetch);
    if (reason === undefined) return;
    onUnready(reason);
    await delay(intervalMs, undefined, { signal });
  }
}

async function unreadyReason(url: string, signal: AbortSignal, fetch: PeerFetch): Promise<string | undefined> {
  try {
    const response = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(answerMs)]) });
    const text = await response.text();
    return response.status === 200 ? undefined : `${url} answers ${response.status} ${text.slice(0, 200)}`;
  } catch (error) {
    signal.throwIfAborted();
    const cause = (error as Error).cause;
    return `${url} does not answer (${cause instanceof Error ? cause.message : (error as Error).message})`;
  }
}
