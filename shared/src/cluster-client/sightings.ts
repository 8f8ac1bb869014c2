import type { Caller } from './caller.ts';
import type { ClusterCalls } from './cluster-calls.ts';
import { readEvents } from './message-stream.ts';
import { pause } from './pause.ts';

/** A node shows a message, or, without an id, will tell of those that it gets from now on. */
export interface Sighting {
  readonly node: string;
  readonly id: string | null;
  /** By the monotonic clock of this process. */
  readonly atMs: number;
}

/** Between two attempts at a node that cannot be reached, in milliseconds: somebody is looking. */
const retryMs = 500;
/** Sightings that wait for a slow reader; then the oldest go, for what counts is what happens now. */
const maxWaiting = 1_024;

/**
 * What each of `nodes` shows of a topic, as it shows it. A node that is away is tried again until `caller.signal` is aborted
 * or the consumer returns; what it got meanwhile it tells of when it is back.
 */
export function sightings(
  calls: ClusterCalls,
  caller: Caller,
  nodes: readonly string[],
  topic: string,
): AsyncGenerator<Sighting, void, undefined> {
  const ended = new AbortController();
  const end = (): void => ended.abort();
  caller.signal?.addEventListener('abort', end, { once: true });
  if (caller.signal?.aborted === true) end();
  const waiting: Sighting[] = [];
  let wake: () => void = () => {};
  const take = (node: string, id: string | null): void => {
    waiting.push({ node, id, atMs: calls.clock.monotonicMs() });
    if (waiting.length > maxWaiting) waiting.shift();
    wake();
  };
  for (const node of nodes) void watchNode({ calls, caller, node, topic, take }, ended.signal);
  const found = drain();
  const finish = found.return.bind(found);
  // A generator that waits cannot be returned from before something comes: the wait is ended first.
  found.return = (value) => {
    caller.signal?.removeEventListener('abort', end);
    end();
    wake();
    return finish(value);
  };
  ended.signal.addEventListener('abort', () => wake(), { once: true });
  return found;

  async function* drain(): AsyncGenerator<Sighting, void, undefined> {
    while (!ended.signal.aborted) {
      yield* waiting.splice(0);
      if (waiting.length > 0 || ended.signal.aborted) continue;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  }
}

interface NodeWatch {
  readonly calls: ClusterCalls;
  readonly caller: Caller;
  readonly node: string;
  readonly topic: string;
  readonly take: (node: string, id: string | null) => void;
}

async function watchNode({ calls, caller, node, topic, take }: NodeWatch, signal: AbortSignal): Promise<void> {
  let since: string | undefined;
  while (!signal.aborted) {
    try {
      const query = new URLSearchParams({ topic, ...(since === undefined ? {} : { since }) });
      const body = await calls.openAt(caller, node, `/v1/stream?${query.toString()}`, signal);
      if (since === undefined) take(node, null);
      for await (const { token, message } of readEvents(body)) {
        since = token;
        take(node, message.id);
      }
    } catch {
      // Whatever it is that this node refuses or fails at, the others go on, and it is tried again.
    }
    await pause(retryMs, signal);
  }
}
