import { type Dispatcher, Pool } from 'undici';
import type { Clock } from '../clock.ts';
import type { MemberState } from '../contracts/node-api.ts';
import { streamKeepAliveMs } from '../contracts/node-api.ts';
import type { MutualTls } from '../http/mutual-tls.ts';
import { failureOf, NodeFailure } from './node-failure.ts';
import { NodeHealth } from './node-health.ts';

/** Connections for short calls to one node; what exceeds them waits its turn. More would only queue inside the node. */
const maxConnections = 64;
/** Idle connections are dropped sooner than the nodes drop them (5 s and more), or a call would race with the node's closing. */
const keepAliveTimeoutMs = 4_000;
/** Time for a TCP connection: longer than a busy process of ours may take to notice that it has one. Calls have their own limits. */
const connectTimeoutMs = 3_000;
/** Largest answer in bytes: a page of 100 bodies of 256 KiB in which JSON escapes every byte. Bounds what a broken node can make us hold. */
const maxAnswerBytes = 192 * 1024 * 1024;
/** A stream without even a keep-alive comment for two and a half of its periods is dead, though its connection may look open. */
const streamSilenceMs = streamKeepAliveMs * 2.5;

export interface ChannelRequest {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  /** Until the whole answer is here, in milliseconds. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

export interface ChannelAnswer {
  readonly status: number;
  readonly headers: Dispatcher.ResponseData['headers'];
  /** Decoded JSON, not yet checked; `undefined` when there was none. */
  readonly body: unknown;
}

/** One node: its connections and what is known about it. */
export class NodeChannel {
  /** The base URL, which also names the channel. */
  readonly url: string;
  readonly health: NodeHealth;
  /** `undefined` for a seed that no membership has named yet. */
  nodeName: string | undefined;
  state: MemberState = 'alive';
  /** Far behind the others: it would answer as if the rest had never been published. */
  catchingUp = false;
  readonly #calls: Pool;
  readonly #streams: Pool;

  /** `tls`: what connections are made with when the URL says https. */
  constructor(url: string, clock: Clock, tls?: MutualTls) {
    this.url = url;
    this.health = new NodeHealth(clock);
    const shared = {
      keepAliveTimeout: keepAliveTimeoutMs,
      connect: tls?.connector(connectTimeoutMs) ?? { timeout: connectTimeoutMs },
    };
    this.#calls = new Pool(url, { ...shared, connections: maxConnections, maxResponseSize: maxAnswerBytes });
    // Apart from calls, so that readers of streams cannot use up the connections. Their number is bounded by the node.
    this.#streams = new Pool(url, { ...shared, headersTimeout: 10_000, bodyTimeout: streamSilenceMs });
  }

  /** One call. Throws `NodeFailure`, or what `signal` was aborted with. */
  async request(request: ChannelRequest): Promise<ChannelAnswer> {
    const controller = new AbortController();
    const give = (): void => controller.abort(request.signal?.reason);
    const timer = setTimeout(() => {
      controller.abort(
        new NodeFailure('timeout', `${this.url} did not answer within ${Math.ceil(request.timeoutMs)} ms`),
      );
    }, request.timeoutMs);
    request.signal?.addEventListener('abort', give, { once: true });
    if (request.signal?.aborted === true) give();
    try {
      const { statusCode, headers, body } = await this.#calls.request({
        method: request.method,
        path: request.path,
        headers: request.headers,
        body: request.body ?? null,
        signal: controller.signal,
      });
      return { status: statusCode, headers, body: parseJson(await body.text()) };
    } catch (error) {
      if (request.signal?.aborted === true) throw request.signal.reason;
      throw failureOf(this.url, controller.signal.aborted ? controller.signal.reason : error);
    } finally {
      clearTimeout(timer);
      request.signal?.removeEventListener('abort', give);
    }
  }

  /** Opens a stream; `signal` also ends it later. Throws like `request`. */
  async open(
    path: string,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<Dispatcher.ResponseData> {
    try {
      return await this.#streams.request({ method: 'GET', path, headers, signal });
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      throw failureOf(this.url, error);
    }
  }

  /** Lets calls in flight finish; streams are cut. */
  async close(): Promise<void> {
    await Promise.all([this.#calls.close(), this.#streams.destroy()]);
  }
}

function parseJson(text: string): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
