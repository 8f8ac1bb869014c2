import { setTimeout as delay } from 'node:timers/promises';
import type { Random } from '@grapevine/shared/random.ts';
import { Pool } from 'undici';
import { answerMs, type Exchange, type Generator, judged } from './exchange.ts';

/** Connections that requests share; as many as a busy edge has from its own load balancer. */
const connections = 256;
/** Requests without an answer at any moment. What is due beyond that is not sent and counts as failed: `NOT_SENT`. */
const maxUnanswered = 10_000;
/** Between two looks at what is due, in milliseconds: the shortest that Node's timers know. */
const tickMs = 1;

export interface OpenLoopOptions {
  readonly url: string;
  /** Requests per second. */
  readonly rate: number;
  readonly seconds: number;
  readonly random: Random;
  /** How long it waits for the last answers when it has sent everything, in milliseconds. */
  readonly drainMs?: number;
  /** Hears by how much a request was sent after it was due, in milliseconds: whether the generator itself keeps up. */
  readonly onLateness: (ms: number) => void;
}

/**
 * Sends requests at times that are drawn in advance (a Poisson process), however long the answers take, as many people who do
 * not know of each other would. A latency counts from the moment at which the request was due, so waiting is not hidden when the
 * other side, or this one, stalls ("coordinated omission", Gil Tene).
 */
export function openLoop({ url, rate, seconds, random, drainMs = answerMs, onLateness }: OpenLoopOptions): Generator {
  return async (next, onOutcome, signal) => {
    const pool = new Pool(url, { connections, headersTimeout: answerMs, bodyTimeout: answerMs });
    const unanswered = new Set<Promise<void>>();
    const send = async (exchange: Exchange, dueMs: number): Promise<void> => {
      const failure = await failureOf(pool, exchange);
      const endedMs = performance.now();
      onOutcome({ name: exchange.name, latencyMs: endedMs - dueMs, endedMs, failure });
    };
    const startedMs = performance.now();
    const endMs = startedMs + seconds * 1_000;
    let dueMs = startedMs;
    while (!signal.aborted && dueMs < endMs) {
      const nowMs = performance.now();
      for (; dueMs <= nowMs && dueMs < endMs; dueMs += gapMs(rate, random)) {
        onLateness(nowMs - dueMs);
        const exchange = next();
        if (unanswered.size === maxUnanswered) {
          onOutcome({ name: exchange.name, latencyMs: 0, endedMs: nowMs, failure: 'NOT_SENT' });
          continue;
        }
        const sent = send(exchange, dueMs).finally(() => unanswered.delete(sent));
        unanswered.add(sent);
      }
      await delay(tickMs);
    }
    // Requests that wait for a connection have not begun to time out: behind a target that hangs they would follow each other for
    // many times as long as one may take.
    const drained = new AbortController();
    await Promise.race([Promise.all(unanswered), delay(drainMs, undefined, { signal: drained.signal })]);
    drained.abort();
    await pool.destroy(new Error('The time for answers is over.'));
    await Promise.all(unanswered);
  };
}

async function failureOf(pool: Pool, exchange: Exchange): Promise<string | undefined> {
  const { method, path, headers, body } = exchange;
  let answer: { readonly status: number; readonly text: string };
  try {
    const { statusCode: status, body: stream } = await pool.request({ method, path, headers, body: body ?? null });
    answer = { status, text: await stream.text() };
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'NO_ANSWER';
  }
  return judged(exchange, answer.status, answer.text);
}

/** From one arrival to the next: exponentially distributed, with the mean that the rate asks for. */
function gapMs(rate: number, random: Random): number {
  return (-Math.log(1 - random.float()) * 1_000) / rate;
}
