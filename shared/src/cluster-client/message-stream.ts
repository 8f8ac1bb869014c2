import type { Readable } from 'node:stream';
import { type Message, messageSchema, rootResponseSchema, tokenSchema } from '../contracts/node-api.ts';
import { GrapevineError } from '../errors/grapevine-error.ts';
import { failureAsError, mayGoOn } from './answers.ts';
import type { Caller } from './caller.ts';
import type { ClusterCalls } from './cluster-calls.ts';
import { parseEventStream } from './event-stream.ts';
import { NodeFailure } from './node-failure.ts';
import { pause } from './pause.ts';

export interface MessageEvent {
  /** Covers this message and everything before it: give it as `since` to go on after it. */
  readonly token: string;
  readonly message: Message;
}

export interface StreamRequest {
  /** One topic; all of them when absent. */
  readonly topic?: string | undefined;
  /** A token; the present when absent. */
  readonly since?: string | undefined;
}

/** Pause between attempts when every node failed, in milliseconds: all streams of a process come back at once otherwise. */
const firstPauseMs = 100;
const longestPauseMs = 2_000;

/**
 * Messages after `since` from one node after another. A stream that ends, breaks or falls silent is resumed from the last
 * token at another node, so that nothing is lost or repeated. Ends, down to the node's socket, when `caller.signal` is
 * aborted or the consumer returns; throws `GrapevineError` when nothing could be opened for `requestTimeoutMs`, or when a
 * node refuses the request itself.
 */
export function followMessages(
  calls: ClusterCalls,
  caller: Caller,
  request: StreamRequest,
): AsyncGenerator<MessageEvent, void, undefined> {
  const ended = new AbortController();
  const end = (): void => ended.abort();
  caller.signal?.addEventListener('abort', end, { once: true });
  if (caller.signal?.aborted === true) end();
  const messages = follow(calls, { ...caller, signal: ended.signal }, request, ended.signal);
  const finish = messages.return.bind(messages);
  // A generator that waits for a message cannot be returned from before one comes: the wait is ended first.
  messages.return = (value) => {
    caller.signal?.removeEventListener('abort', end);
    end();
    return finish(value);
  };
  return messages;
}

async function* follow(
  calls: ClusterCalls,
  caller: Caller,
  request: StreamRequest,
  signal: AbortSignal,
): AsyncGenerator<MessageEvent, void, undefined> {
  try {
    let since = request.since ?? (await present(calls, signal));
    while (!signal.aborted) {
      const body = await openSomewhere(calls, caller, streamPath(request.topic, since), signal);
      const before = since;
      for await (const event of readEvents(body)) {
        since = event.token;
        yield event;
      }
      // A node that ends every stream at once must not make us call it in a tight loop.
      if (since === before) await pause(firstPauseMs, signal);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/**
 * The present as a token. Without it, messages between a node's death and the next connection would be missed by a
 * reader that has not received anything yet.
 */
async function present(calls: ClusterCalls, signal: AbortSignal): Promise<string> {
  const call = { method: 'GET', path: '/v1/root' } as const;
  const answer = await calls.call({ ...calls.self, signal }, rootResponseSchema, call);
  return answer.body.token;
}

/** A stream at any node; goes round the nodes, with growing pauses, until one opens or the time is up. */
export async function openSomewhere(
  calls: ClusterCalls,
  caller: Caller,
  path: string,
  signal: AbortSignal,
): Promise<Readable> {
  const deadline = calls.clock.monotonicMs() + calls.requestTimeoutMs;
  let tried = new Set<string>();
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
    do {
      try {
        return await calls.open(caller, path, tried, signal);
      } catch (error) {
        if (!(error instanceof NodeFailure || error instanceof GrapevineError)) throw error;
        if (!mayGoOn(error, true) || calls.clock.monotonicMs() + pauseMs > deadline) {
          throw error instanceof GrapevineError ? error : failureAsError(error, true, 'any node of the cluster');
        }
      }
    } while (calls.hasOthers(tried));
    tried = new Set();
    await pause(pauseMs * (0.5 + calls.random.float() / 2), signal);
  }
}

/** What one connection brings; its end, however it comes, ends this quietly, for the next one takes over. */
export async function* readEvents(body: Readable): AsyncGenerator<MessageEvent, void> {
  try {
    for await (const { event, data, id } of parseEventStream(body)) {
      if (event === 'message') yield { token: tokenSchema.parse(id), message: messageSchema.parse(JSON.parse(data)) };
    }
  } catch {
    // A broken connection and an event that is none of ours mean the same: this node's stream is of no more use.
  } finally {
    body.destroy();
  }
}

function streamPath(topic: string | undefined, since: string): string {
  return `/v1/stream?${new URLSearchParams({ ...(topic === undefined ? {} : { topic }), since }).toString()}`;
}
