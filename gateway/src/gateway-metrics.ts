import { Counter, Gauge, type Registry } from 'prom-client';
import type { CacheStatus } from './cache/answer-cache.ts';
import { DurationHistogram, type DurationSeries } from './duration-histogram.ts';
import type { CountedIn } from './limits/point-store.ts';
import type { RateStatus } from './limits/rate-limiter.ts';
import type { LoadStatus } from './load/load-limits.ts';
import type { RequestContext } from './request-context.ts';
import type { UpstreamStatus } from './upstreams/upstream-pool.ts';

/** From a cached answer on loopback (0.5 ms) to the upstream timeout. */
const secondsBuckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** What the gateway counts, with few labels: a series per route and class of status, never per path or principal. */
export class GatewayMetrics {
  /** Requests and streams that are open now. */
  inFlight = 0;
  readonly #requests: DurationHistogram;
  /** By route, then by the first digit of the status. */
  readonly #series = new Map<string, (DurationSeries | undefined)[]>();
  readonly #refusals: Counter<'code'>;
  readonly #callers = { token: 0, 'api-key': 0, none: 0 };
  /** By route. */
  readonly #costs = new Map<string, number>();

  constructor(registry: Registry) {
    const registers = [registry];
    const inFlight = (): number => this.inFlight;
    new Gauge({
      name: 'grapevine_gateway_in_flight',
      help: 'Requests and streams that are open now.',
      registers,
      collect() {
        this.set(inFlight());
      },
    });
    this.#requests = new DurationHistogram(registry, {
      name: 'grapevine_gateway_request_seconds',
      help: 'Time from the head of a request to the end of its answer; the life time of a stream.',
      buckets: secondsBuckets,
    });
    this.#refusals = new Counter({
      name: 'grapevine_gateway_refusals_total',
      help: 'Requests that the gateway itself answered with an error, by code.',
      labelNames: ['code'],
      registers,
    });
    const [callers, costs] = [this.#callers, this.#costs];
    new Counter({
      name: 'grapevine_gateway_callers_total',
      help: 'Requests by what proved who was calling; none: public routes, and whoever could not prove it.',
      labelNames: ['proof'],
      registers,
      collect() {
        this.reset();
        for (const [proof, count] of Object.entries(callers)) this.inc({ proof }, count);
      },
    });
    new Counter({
      name: 'grapevine_gateway_cost_total',
      help: 'What upstreams said that operations cost, by route.',
      labelNames: ['route'],
      registers,
      collect() {
        this.reset();
        for (const [route, cost] of costs) this.inc({ route }, cost);
      },
    });
  }

  observe({ route, refusal, identity, apiKey, cost }: RequestContext, status: number, ms: number): void {
    const name = route?.name ?? 'none';
    this.#seriesOf(name, Math.floor(status / 100)).observe(ms / 1_000);
    if (refusal !== undefined) this.#refusals.inc({ code: refusal });
    this.#callers[apiKey !== undefined ? 'api-key' : identity !== undefined ? 'token' : 'none']++;
    if (cost > 0) this.#costs.set(name, (this.#costs.get(name) ?? 0) + cost);
  }

  #seriesOf(route: string, statusClass: number): DurationSeries {
    let classes = this.#series.get(route);
    if (classes === undefined) {
      classes = [];
      this.#series.set(route, classes);
    }
    let series = classes[statusClass];
    if (series === undefined) {
      series = this.#requests.series({ route, status: `${statusClass}xx` });
      classes[statusClass] = series;
    }
    return series;
  }
}

/** Breakers and load of the instances, read when somebody asks. */
export function exposeUpstreams(registry: Registry, status: () => readonly UpstreamStatus[]): void {
  const labelNames = ['upstream', 'target'] as const;
  new Gauge({
    name: 'grapevine_gateway_breaker_open',
    help: '1 while the breaker of an upstream instance refuses requests, 0.5 while it tries one, 0 otherwise.',
    aggregator: 'max',
    labelNames,
    registers: [registry],
    collect() {
      // Instances leave.
      this.reset();
      for (const { name, instances } of status()) {
        for (const { url, breaker } of instances) this.set({ upstream: name, target: url }, openness[breaker]);
      }
    },
  });
  new Gauge({
    name: 'grapevine_gateway_upstream_in_flight',
    help: 'Requests and streams that are open at an upstream instance.',
    labelNames,
    registers: [registry],
    collect() {
      // Instances leave.
      this.reset();
      for (const { name, instances } of status()) {
        for (const { url, inFlight } of instances) this.set({ upstream: name, target: url }, inFlight);
      }
    },
  });
  new Gauge({
    name: 'grapevine_gateway_upstream_available',
    help: '1 while an upstream instance is well by its health checks and not left out for its failures, else 0.',
    aggregator: 'min',
    labelNames,
    registers: [registry],
    collect() {
      // Instances leave.
      this.reset();
      for (const { name, instances } of status()) {
        for (const { url, healthy, ejected } of instances) {
          this.set({ upstream: name, target: url }, healthy && !ejected ? 1 : 0);
        }
      }
    },
  });
  new Counter({
    name: 'grapevine_gateway_ejections_total',
    help: 'How often an upstream instance was left out for its failures.',
    labelNames,
    registers: [registry],
    collect() {
      this.reset();
      for (const { name, instances } of status()) {
        for (const { url, ejections } of instances) this.inc({ upstream: name, target: url }, ejections);
      }
    },
  });
  new Counter({
    name: 'grapevine_gateway_attempts_total',
    help: 'Attempts after the first: retries, hedges, and retries withheld because there had been too many.',
    labelNames: ['upstream', 'kind'] as const,
    registers: [registry],
    collect() {
      this.reset();
      for (const { name, attempts } of status()) {
        this.inc({ upstream: name, kind: 'retry' }, attempts.retries);
        this.inc({ upstream: name, kind: 'hedge' }, attempts.hedges);
        this.inc({ upstream: name, kind: 'withheld' }, attempts.withheld);
      }
    },
  });
}

/** What the rates do, read when somebody asks. */
export function exposeLimits(registry: Registry, rates: () => readonly RateStatus[]): void {
  new Gauge({
    name: 'grapevine_gateway_tracked_callers',
    help: 'Callers that a rate limit remembers; at gateway.rateLimit.maxKeys it forgets some.',
    aggregator: 'max',
    labelNames: ['limit'],
    registers: [registry],
    collect() {
      this.reset();
      // API keys have as many rates as the file says; together they are one limit.
      for (const { per, tracked } of rates()) this.inc({ limit: per }, tracked);
    },
  });
  new Counter({
    name: 'grapevine_gateway_rate_limited_total',
    help: 'Requests that a rate limit refused, by what it is for.',
    labelNames: ['limit'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { per, refused } of rates()) this.inc({ limit: per }, refused);
    },
  });
}

/** What was turned away because there was too much, read when somebody asks. */
export function exposeLoad(registry: Registry, load: () => LoadStatus, refusedConnections: () => number): void {
  new Counter({
    name: 'grapevine_gateway_shed_total',
    help: 'Requests that were turned away because as many were open as may be, here or on their route, or the event loop was late.',
    labelNames: ['reason'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [reason, count] of Object.entries(load().shed)) this.inc({ reason }, count);
    },
  });
  new Counter({
    name: 'grapevine_gateway_connections_refused_total',
    help: 'Connections closed because there were as many as may be, of all clients or of one address.',
    registers: [registry],
    collect() {
      this.reset();
      this.inc(refusedConnections());
    },
  });
}

/** Where the points of rates are counted, read when somebody asks. */
export function exposeCounting(registry: Registry, source: { readonly countedIn: CountedIn }): void {
  new Gauge({
    name: 'grapevine_gateway_rates_counted_in',
    help: '1 for where rates are counted now: in memory, in redis, or by the insurance, which is memory while Redis is away.',
    labelNames: ['place'],
    registers: [registry],
    collect() {
      for (const place of ['memory', 'redis', 'insurance'] as const) {
        this.set({ place }, source.countedIn === place ? 1 : 0);
      }
    },
  });
}

/** What the cache did and holds, read when somebody asks. */
export function exposeCache(registry: Registry, status: () => CacheStatus): void {
  const registers = [registry];
  new Counter({
    name: 'grapevine_gateway_cache_requests_total',
    help: 'Requests on routes with a cache, by what it did for them.',
    labelNames: ['verdict'],
    registers,
    collect() {
      this.reset();
      for (const [verdict, count] of Object.entries(status().requests)) this.inc({ verdict }, count);
    },
  });
  new Counter({
    name: 'grapevine_gateway_cache_removals_total',
    help: 'Answers taken out of the cache: evicted for its bounds, invalidated by writes.',
    labelNames: ['why'],
    registers,
    collect() {
      this.reset();
      const { evictions, invalidations } = status();
      this.inc({ why: 'evicted' }, evictions);
      this.inc({ why: 'invalidated' }, invalidations);
    },
  });
  new Gauge({
    name: 'grapevine_gateway_cache_entries',
    help: 'Answers that are kept.',
    registers,
    collect() {
      this.set(status().entries);
    },
  });
  new Gauge({
    name: 'grapevine_gateway_cache_bytes',
    help: 'Memory that kept answers take, about.',
    registers,
    collect() {
      this.set(status().bytes);
    },
  });
}

const openness = { closed: 0, 'half-open': 0.5, open: 1 };
