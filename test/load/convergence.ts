import { setTimeout as delay } from 'node:timers/promises';
import type { WebClient } from '../e2e/clients.ts';
import { bodyOf, type Published } from './published.ts';

/** One message on its way to every node. */
export interface Convergence {
  /** When it was published, in seconds from the start of the run. */
  readonly at: number;
  /** Until every node had it on disk and the publisher knew, in milliseconds; null when that took longer than the wait, or the publish failed. */
  readonly ms: number | null;
}

/** From one message to the next at least, in milliseconds: seldom enough to be no load. */
const shortestGapMs = 500;
/** Messages in a run at most: as many as a plot can show. */
const maxMessages = 600;
/** Longest wait for all nodes, in milliseconds: as long as a publish may wait. */
const waitMs = 30_000;

export interface ConvergenceOptions {
  readonly client: WebClient;
  readonly topic: string;
  readonly nodes: number;
  readonly published: Published;
  /** How long the run is meant to be. */
  readonly seconds: number;
  /** Seconds from the start of the run. */
  readonly now: () => number;
}

/**
 * Publishes a message every so often, each to be acknowledged by every node, and answers how long that took, until `signal`
 * aborts. A node acknowledges what it has on disk by its next pull, so this is an upper bound of when a reader finds it there.
 */
export async function watchConvergence(options: ConvergenceOptions, signal: AbortSignal): Promise<Convergence[]> {
  const { client, topic, nodes, published, seconds, now } = options;
  const gapMs = Math.max(shortestGapMs, (seconds * 1_000) / maxMessages);
  const publish = async (number: number): Promise<Convergence> => {
    const at = now();
    const startedMs = performance.now();
    const idempotencyKey = `${topic}/${number}`;
    try {
      const draft = { topic, body: bodyOf(idempotencyKey), idempotencyKey, acks: nodes, timeoutMs: waitMs };
      const { heldBy } = await client.publish(draft);
      published.acknowledge(topic, idempotencyKey);
      return { at, ms: heldBy >= nodes ? performance.now() - startedMs : null };
    } catch {
      // The load itself counts what fails.
      return { at, ms: null };
    }
  };
  // Whatever becomes of one message, the next is not late: while a node is away, all that are published wait for it.
  const under: Promise<Convergence>[] = [];
  for (let number = 0; !signal.aborted; number++) {
    under.push(publish(number));
    await delay(gapMs, undefined, { signal }).catch(() => {});
  }
  return Promise.all(under);
}
