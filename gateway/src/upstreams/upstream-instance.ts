import type { EventEmitter } from 'node:events';
import { Agent, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { createProxyMiddleware, type RequestHandler } from 'http-proxy-middleware';
import CircuitBreaker from 'opossum';
import { ClientGone, Exchange, type ExchangeLimits, FaultyAnswer } from './exchange.ts';

export interface InstanceOptions extends ExchangeLimits {
  /** Requests and streams open at once; beyond it clients get 503. */
  readonly maxInFlight: number;
  readonly breaker: {
    readonly failureRatio: number;
    readonly volume: number;
    readonly windowMs: number;
    readonly resetMs: number;
  };
}

export type BreakerState = 'closed' | 'half-open' | 'open';

/** What the admin listener shows of an instance. */
export interface InstanceStatus {
  readonly url: string;
  readonly breaker: BreakerState;
  readonly inFlight: number;
  /** Counts within the breaker's window. */
  readonly window: { readonly requests: number; readonly failures: number; readonly refused: number };
}

/** Idle connections kept per instance: enough for the usual concurrency, few enough not to hold an idle service's sockets. */
const idleSockets = 256;
/** Shorter than the 5 s after which Node's own HTTP servers close idle connections: a request sent into a closing one is lost. */
const idleSocketMs = 4_000;
/** Slices of the breaker's window; it moves on by one slice at a time. */
export const breakerSlices = 10;

/** One process of an upstream: its connections, its breaker, and the proxy that carries requests to it. */
export class UpstreamInstance {
  readonly url: string;
  readonly #options: InstanceOptions;
  readonly #agent = new Agent({ keepAlive: true, maxFreeSockets: idleSockets, timeout: idleSocketMs });
  readonly #exchanges = new WeakMap<IncomingMessage, Exchange>();
  readonly #proxy: RequestHandler;
  readonly #breaker: CircuitBreaker<[IncomingMessage, ServerResponse], void>;
  #inFlight = 0;

  /** `rotator` emits `rotate` for every slice of the breaker's window. */
  constructor(url: string, options: InstanceOptions, rotator: EventEmitter) {
    this.url = url;
    this.#options = options;
    this.#proxy = this.#createProxy();
    this.#breaker = new CircuitBreaker((request, response) => this.#exchange(request, response), {
      name: url,
      // The exchange settles by its own deadline, which starts anew whenever bytes move; opossum's cannot do that.
      timeout: false,
      errorThresholdPercentage: options.breaker.failureRatio * 100,
      volumeThreshold: options.breaker.volume,
      rollingCountTimeout: options.breaker.windowMs,
      rollingCountBuckets: breakerSlices,
      resetTimeout: options.breaker.resetMs,
      rollingPercentilesEnabled: false,
      enableSnapshots: false,
      rotateBucketController: rotator,
      // opossum counts a filtered error as a success, and a success closes a half-open breaker: a client that left is no
      // proof that the upstream is well again.
      errorFilter: (error) => error instanceof ClientGone && !this.#breaker.halfOpen,
    });
  }

  get state(): BreakerState {
    if (this.#breaker.closed) return 'closed';
    return this.#breaker.halfOpen ? 'half-open' : 'open';
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** Whether a request would be let through now: half open, the breaker lets one through and waits for its outcome. */
  get takesRequests(): boolean {
    return this.#breaker.closed || this.#breaker.pendingClose;
  }

  /**
   * Carries the request to the instance with `headers` and its answer back. Resolves when the answer has begun, good or
   * bad, or the client has gone; throws what the client is to be told instead.
   */
  async carry(request: IncomingMessage, response: ServerResponse, headers: IncomingHttpHeaders): Promise<void> {
    if (this.#inFlight >= this.#options.maxInFlight) {
      throw new GrapevineError('OVERLOADED', 'Too many requests are open at the service behind the gateway.', {
        retryAfterSeconds: 1,
      });
    }
    this.#inFlight++;
    response.once('close', () => this.#inFlight--);
    request.headers = headers;
    try {
      await this.#breaker.fire(request, response);
    } catch (error) {
      if (error instanceof FaultyAnswer || error instanceof ClientGone) return;
      throw CircuitBreaker.isOurError(error as Error) ? breakerOpen(this.#options.breaker.resetMs) : error;
    }
  }

  status(): InstanceStatus {
    const { fires, failures, rejects } = this.#breaker.stats;
    return {
      url: this.url,
      breaker: this.state,
      inFlight: this.#inFlight,
      window: { requests: fires, failures, refused: rejects },
    };
  }

  close(): void {
    this.#breaker.shutdown();
    this.#agent.destroy();
  }

  #exchange(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const exchange = new Exchange(request, response, this.#options);
    this.#exchanges.set(request, exchange);
    this.#proxy(request, response, (error) => exchange.failed(error as Error)).catch((error: Error) =>
      exchange.failed(error),
    );
    return exchange.begun;
  }

  /**
   * http-proxy-middleware moves the bytes and ties the two connections' fates together; what is sent and answered is ours:
   * its own handlers would log, answer errors in plain text and pass on the upstream's connection headers.
   */
  #createProxy(): RequestHandler {
    const exchangeOf = (request: IncomingMessage | undefined): Exchange | undefined =>
      request === undefined ? undefined : this.#exchanges.get(request);
    return createProxyMiddleware({
      target: new URL(this.url),
      agent: this.#agent,
      changeOrigin: true,
      xfwd: false,
      ws: false,
      selfHandleResponse: true,
      ejectPlugins: true,
      plugins: [
        (proxy) => {
          proxy.on('proxyReq', (outgoing, request) => exchangeOf(request)?.sending(outgoing));
          proxy.on('proxyRes', (answer, request) => exchangeOf(request)?.answered(answer));
          proxy.on('error', (error, request) => exchangeOf(request)?.failed(error));
          proxy.on('econnreset', (error, request) => exchangeOf(request)?.failed(error));
        },
      ],
    });
  }
}

/** What a client is told while a breaker is open, for as long as it rests. */
export function breakerOpen(resetMs: number): GrapevineError {
  return new GrapevineError('UNAVAILABLE', 'The service behind the gateway keeps failing and is given a rest.', {
    retryAfterSeconds: Math.ceil(resetMs / 1_000),
  });
}
