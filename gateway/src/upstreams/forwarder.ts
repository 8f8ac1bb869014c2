import type { IncomingHttpHeaders } from 'node:http';
import type { Clock } from '@grapevine/shared/clock.ts';
import type { IdentitySigner } from '@grapevine/shared/identity/identity.ts';
import type { EdgeRequest } from '../request-context.ts';
import type { Answer } from './answer.ts';
import { Exchange, type ExchangeOptions } from './exchange.ts';
import { forwardedHeaders } from './forwarded-headers.ts';
import type { UpstreamPool } from './upstream-pool.ts';

export interface ForwardTimes {
  /** Longest time without any sign of life before and inside an answer, in milliseconds; routes may have their own. */
  readonly upstreamTimeoutMs: number;
  /** For all attempts together until the answer begins; routes may have their own. */
  readonly deadlineMs: number;
}

/** A request on its way to its route's upstream. */
export interface Forwarding {
  readonly exchange: Exchange;
  /** Rejects with `ClientGone` once nobody waits for it, or with what the client is to be told. */
  readonly answer: Promise<Answer>;
}

export interface BeginOptions {
  /** Since when its deadline runs, by the monotonic clock; since now when absent. */
  readonly startedMs?: number;
  /** Headers in place of the client's own conditions, names and values in turn. */
  readonly conditions?: readonly string[] | undefined;
}

/** Sends requests to the upstreams of their routes, vouching for the callers. */
export class Forwarder {
  readonly #upstreams: UpstreamPool;
  readonly #signer: IdentitySigner;
  readonly #times: ForwardTimes;
  readonly #clock: Clock;

  constructor(upstreams: UpstreamPool, signer: IdentitySigner, times: ForwardTimes, clock: Clock) {
    this.#upstreams = upstreams;
    this.#signer = signer;
    this.#times = times;
    this.#clock = clock;
  }

  begin(
    { context, headers, method, url }: EdgeRequest,
    body: ExchangeOptions['body'],
    onInterim: ExchangeOptions['onInterim'],
    { startedMs = this.#clock.monotonicMs(), conditions }: BeginOptions,
  ): Forwarding {
    const { route, identity } = context;
    if (route?.upstream === undefined) throw new Error('forwarding needs a route');
    const vouched = identity === undefined ? undefined : this.#signer.sign(identity);
    const exchange = new Exchange({
      engine: route.engine,
      method,
      path: route.targetFor(url),
      headers:
        conditions === undefined
          ? forwardedHeaders(headers, context, vouched)
          : [...forwardedHeaders(withoutConditions(headers), context, vouched), ...conditions],
      body,
      upgrade: context.upgrade !== undefined,
      silenceMs: route.config.timeoutMs ?? this.#times.upstreamTimeoutMs,
      deadlineMs: startedMs + (route.config.deadlineMs ?? this.#times.deadlineMs),
      hedgeAfterMs: route.config.hedgeAfterMs,
      onInterim,
    });
    return { exchange, answer: this.#upstreams.group(route.upstream).carry(exchange) };
  }
}

function withoutConditions(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const { 'if-none-match': _tags, 'if-modified-since': _since, ...others } = headers;
  return others;
}
