import type { EventEmitter } from 'node:events';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import CircuitBreaker from 'opossum';
import type { Answer } from './answer.ts';
import { DispatchUpstream } from './dispatch-upstream.ts';
import type { Exchange } from './exchange.ts';
import { ClientGone, FaultyAnswer } from './failures.ts';
import { ProxyUpstream } from './proxy-upstream.ts';
import type { SilenceWatch } from './silence-watch.ts';
import type { Upstream } from './upstream.ts';

/** How requests are carried: short ones by undici's `dispatch`, what streams or upgrades by http-proxy-middleware. */
export type Engine = 'dispatch' | 'proxy';

export interface InstanceOptions {
  /** Longest time without any sign of life before and inside an answer, in milliseconds. */
  readonly upstreamTimeoutMs: number;
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

/** Slices of the breaker's window; it moves on by one slice at a time. */
export const breakerSlices = 10;

/** One process of an upstream: its connections by both engines, its breaker and its load. */
export class UpstreamInstance {
  readonly url: string;
  readonly #options: InstanceOptions;
  readonly #engines: Readonly<Record<Engine, Upstream>>;
  readonly #breaker: CircuitBreaker<[Exchange], Answer>;
  readonly #watch: SilenceWatch;
  readonly #onOver = (): void => void this.#inFlight--;
  #inFlight = 0;

  /** `rotator` emits `rotate` for every slice of the breaker's window; `watch` gives up what stands still. */
  constructor(url: string, options: InstanceOptions, rotator: EventEmitter, watch: SilenceWatch) {
    this.url = url;
    this.#options = options;
    this.#watch = watch;
    this.#engines = {
      dispatch: new DispatchUpstream(url, options.upstreamTimeoutMs),
      proxy: new ProxyUpstream(url),
    };
    this.#breaker = new CircuitBreaker((exchange) => this.#send(exchange), {
      name: url,
      // The attempt settles by its own deadline, which starts anew whenever bytes move; opossum's cannot do that.
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
   * Carries an exchange, if the breaker lets it through. Rejects with `ClientGone` or with what the client is to be told
   * if nobody else can help.
   */
  async carry(exchange: Exchange): Promise<Answer> {
    if (this.#inFlight >= this.#options.maxInFlight) {
      throw new GrapevineError('OVERLOADED', 'Too many requests are open at the service behind the gateway.', {
        retryAfterSeconds: 1,
      });
    }
    try {
      return await this.#breaker.fire(exchange);
    } catch (error) {
      if (error instanceof FaultyAnswer) return error.answer;
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
    for (const engine of Object.values(this.#engines)) engine.close();
  }

  /** Counts as load until the connection is free again, which for a stream is long after the answer has begun. */
  #send(exchange: Exchange): Promise<Answer> {
    this.#inFlight++;
    const attempt = exchange.begin(this.#watch, this.#options.upstreamTimeoutMs, this.#onOver);
    attempt.sending = this.#engines[exchange.engine].send(exchange.request, attempt);
    return attempt.answer;
  }
}

/** What a client is told while a breaker is open, for as long as it rests. */
export function breakerOpen(resetMs: number): GrapevineError {
  return new GrapevineError('UNAVAILABLE', 'The service behind the gateway keeps failing and is given a rest.', {
    retryAfterSeconds: Math.ceil(resetMs / 1_000),
  });
}
