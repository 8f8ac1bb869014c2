import type { EventEmitter } from 'node:events';
import type { Clock } from '@grapevine/shared/clock.ts';
import CircuitBreaker from 'opossum';
import type { Answer } from './answer.ts';
import { DispatchUpstream } from './dispatch-upstream.ts';
import { Ejection, type EjectionOptions } from './ejection.ts';
import type { Exchange } from './exchange.ts';
import { ClientGone, FaultyAnswer, NeverSent } from './failures.ts';
import { Latency } from './latency.ts';
import { ProxyUpstream } from './proxy-upstream.ts';
import type { SilenceWatch } from './silence-watch.ts';
import type { AnswerSink, Sending, Upstream, UpstreamRequest } from './upstream.ts';

/** How requests are carried: short ones by undici's `dispatch`, what streams or upgrades by http-proxy-middleware. */
export type Engine = 'dispatch' | 'proxy';

export interface InstanceOptions {
  /** Longest time that a connection may take to be made, in milliseconds. */
  readonly connectMs: number;
  /** Requests and streams open at once; beyond it clients get 503. */
  readonly maxInFlight: number;
  readonly breaker: {
    readonly failureRatio: number;
    readonly volume: number;
    readonly windowMs: number;
    readonly resetMs: number;
  };
  readonly ejection: EjectionOptions;
}

/** What the instances of all upstreams have in common. */
export interface InstancePorts {
  readonly clock: Clock;
  /** Emits `rotate` for every slice of the breakers' window. */
  readonly rotator: EventEmitter;
  /** Gives up what stands still. */
  readonly watch: SilenceWatch;
}

export type BreakerState = 'closed' | 'half-open' | 'open';

/** What the admin listener shows of an instance. */
export interface InstanceStatus {
  readonly url: string;
  readonly breaker: BreakerState;
  /** Whether its last health checks went well. */
  readonly healthy: boolean;
  /** Whether it is left out for a while. */
  readonly ejected: boolean;
  /** How often it was. */
  readonly ejections: number;
  readonly inFlight: number;
  /** Moving average in milliseconds, to the beginning of an answer. */
  readonly latencyMs: number;
  /** Counts within the breaker's window. */
  readonly window: { readonly requests: number; readonly failures: number; readonly refused: number };
}

/** Slices of the breaker's window; it moves on by one slice at a time. */
export const breakerSlices = 10;
/** opossum opens above a ratio, not at it: a ratio of 1 would never open. */
const ratioMargin = 0.001;

/** One process of an upstream: its connections by both engines, its breaker, its load and what is known of its health. */
export class UpstreamInstance {
  readonly url: string;
  /** By its last health checks; without any it counts as healthy. */
  healthy = true;
  readonly #options: InstanceOptions;
  readonly #ports: InstancePorts;
  readonly #engines: Readonly<Record<Engine, Upstream>>;
  readonly #breaker: CircuitBreaker<[Exchange], Answer>;
  readonly #latency = new Latency();
  readonly #ejection: Ejection;
  readonly #onOver = (): void => {
    this.#inFlight--;
    this.#closeWhenUnused();
  };
  #inFlight = 0;
  #retired = false;

  constructor(url: string, options: InstanceOptions, ports: InstancePorts) {
    this.url = url;
    this.#options = options;
    this.#ports = ports;
    this.#ejection = new Ejection(options.ejection);
    this.#engines = { dispatch: new DispatchUpstream(url, options.connectMs), proxy: new ProxyUpstream(url) };
    this.#breaker = new CircuitBreaker((exchange) => this.#send(exchange), {
      name: url,
      // The attempt settles by its own deadline, which starts anew whenever bytes move; opossum's cannot do that.
      timeout: false,
      errorThresholdPercentage: options.breaker.failureRatio * 100 - ratioMargin,
      volumeThreshold: options.breaker.volume,
      rollingCountTimeout: options.breaker.windowMs,
      rollingCountBuckets: breakerSlices,
      resetTimeout: options.breaker.resetMs,
      rollingPercentilesEnabled: false,
      enableSnapshots: false,
      rotateBucketController: ports.rotator,
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

  /**
   * What one more request would cost: it waits for those before it, each of which takes about as long as others did. One
   * millisecond more, so that load counts where nothing is known of the latency yet.
   */
  get cost(): number {
    return (this.#inFlight + 1) * (this.#latency.ms + 1);
  }

  /** Whether a request would be let through now: half open, the breaker lets one through and waits for its outcome. */
  get takesRequests(): boolean {
    return (this.#breaker.closed || this.#breaker.pendingClose) && this.#inFlight < this.#options.maxInFlight;
  }

  get ejected(): boolean {
    return this.#ejection.lasts(this.#ports.clock.monotonicMs());
  }

  /**
   * Carries an exchange, if the breaker lets it through. Rejects with `ClientGone` or with what the client is to be told
   * if nobody else can help.
   */
  async carry(exchange: Exchange): Promise<Answer> {
    if (this.#inFlight >= this.#options.maxInFlight) throw fullyLoaded();
    exchange.tried.push(this);
    const { clock } = this.#ports;
    const startedMs = clock.monotonicMs();
    try {
      const answer = await this.#breaker.fire(exchange);
      const nowMs = clock.monotonicMs();
      this.#latency.observe(nowMs - startedMs, nowMs);
      this.#ejection.succeeded();
      return answer;
    } catch (error) {
      if (CircuitBreaker.isOurError(error as Error)) throw breakerOpen(this.#options.breaker.resetMs);
      if (!(error instanceof ClientGone)) this.#ejection.failed(clock.monotonicMs());
      if (error instanceof FaultyAnswer) return error.answer;
      throw error;
    }
  }

  /** Sends a request of the gateway's own, past the breaker. */
  probe(request: UpstreamRequest, sink: AnswerSink): Sending {
    return this.#engines.dispatch.send(request, sink);
  }

  status(): InstanceStatus {
    const { fires, failures, rejects } = this.#breaker.stats;
    return {
      url: this.url,
      breaker: this.state,
      healthy: this.healthy,
      ejected: this.ejected,
      ejections: this.#ejection.total,
      inFlight: this.#inFlight,
      latencyMs: Math.round(this.#latency.ms * 1_000) / 1_000,
      window: { requests: fires, failures, refused: rejects },
    };
  }

  /** Nobody sends to it any more: it closes when the last request and stream at it have ended. */
  retire(): void {
    this.#retired = true;
    this.#closeWhenUnused();
  }

  /** Closes all connections, also those in use. */
  close(): void {
    this.#breaker.shutdown();
    for (const engine of Object.values(this.#engines)) engine.close();
  }

  #closeWhenUnused(): void {
    if (this.#retired && this.#inFlight === 0) this.close();
  }

  /** Counts as load until the connection is free again, which for a stream is long after the answer has begun. */
  #send(exchange: Exchange): Promise<Answer> {
    const { clock, watch } = this.#ports;
    const timeLeftMs = exchange.options.deadlineMs - clock.monotonicMs();
    this.#inFlight++;
    const attempt = exchange.begin(watch, timeLeftMs, this.#onOver);
    attempt.sending = this.#engines[exchange.engine].send(exchange.requestWithin(timeLeftMs), attempt);
    return attempt.answer;
  }
}

/** What a client is told while a breaker is open, for as long as it rests. */
export function breakerOpen(resetMs: number): NeverSent {
  const message = 'The service behind the gateway keeps failing and is given a rest.';
  return new NeverSent('elsewhere', 'UNAVAILABLE', message, { retryAfterSeconds: Math.ceil(resetMs / 1_000) });
}

/** What a client is told while as many requests are open as there may be. */
export function fullyLoaded(): NeverSent {
  const message = 'Too many requests are open at the service behind the gateway.';
  return new NeverSent('elsewhere', 'OVERLOADED', message, { retryAfterSeconds: 1 });
}
