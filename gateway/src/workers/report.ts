import type { MetricObjectWithValues, MetricValue } from 'prom-client';
import type { CacheStatus } from '../cache/answer-cache.ts';
import type { RateStatus } from '../limits/rate-limiter.ts';
import type { LoadStatus } from '../load/load-limits.ts';
import type { UpstreamStatus } from '../upstreams/upstream-pool.ts';

export type MetricsAsJson = MetricObjectWithValues<MetricValue<string>>[];

/** What one worker says about itself. */
export interface WorkerReport {
  readonly metrics: MetricsAsJson;
  readonly upstreams: readonly UpstreamStatus[];
  readonly rates: readonly RateStatus[];
  readonly load: LoadStatus;
  readonly cache: CacheStatus;
}

const breakerOrder = ['closed', 'half-open', 'open'] as const;

/** The upstreams as all workers see them: loads and counts added up, of states the worst. */
export function mergeUpstreams(reports: readonly (readonly UpstreamStatus[])[]): readonly UpstreamStatus[] {
  return reports.reduce((merged, report) => merged.map((one, index) => mergeUpstream(one, report[index])));
}

function mergeUpstream(a: UpstreamStatus, b: UpstreamStatus | undefined): UpstreamStatus {
  if (b === undefined) return a;
  return {
    name: a.name,
    attempts: {
      retries: a.attempts.retries + b.attempts.retries,
      hedges: a.attempts.hedges + b.attempts.hedges,
      withheld: a.attempts.withheld + b.attempts.withheld,
    },
    instances: a.instances.map((one, index) => {
      const other = b.instances[index] ?? one;
      const worse = breakerOrder.indexOf(other.breaker) > breakerOrder.indexOf(one.breaker) ? other : one;
      return {
        url: one.url,
        breaker: worse.breaker,
        healthy: one.healthy && other.healthy,
        ejected: one.ejected || other.ejected,
        ejections: one.ejections + other.ejections,
        inFlight: one.inFlight + other.inFlight,
        latencyMs: Math.max(one.latencyMs, other.latencyMs),
        window: {
          requests: one.window.requests + other.window.requests,
          failures: one.window.failures + other.window.failures,
          refused: one.window.refused + other.window.refused,
        },
      };
    }),
  };
}

/** The rates, also those that only some workers have met; of the callers that they remember the most, since most are known to all. */
export function mergeRates(reports: readonly (readonly RateStatus[])[]): readonly RateStatus[] {
  const merged = new Map<string, RateStatus>();
  for (const rate of reports.flat()) {
    const id = `${rate.per} ${rate.perSecond} ${rate.burst}`;
    const { tracked = 0, refused = 0 } = merged.get(id) ?? {};
    merged.set(id, { ...rate, tracked: Math.max(tracked, rate.tracked), refused: refused + rate.refused });
  }
  return [...merged.values()];
}

/** The caches of all workers together: each keeps answers of its own. */
export function mergeCaches(reports: readonly CacheStatus[]): CacheStatus {
  return reports.reduce((a, b) => ({
    entries: a.entries + b.entries,
    bytes: a.bytes + b.bytes,
    evictions: a.evictions + b.evictions,
    invalidations: a.invalidations + b.invalidations,
    requests: {
      hit: a.requests.hit + b.requests.hit,
      stale: a.requests.stale + b.requests.stale,
      revalidated: a.requests.revalidated + b.requests.revalidated,
      collapsed: a.requests.collapsed + b.requests.collapsed,
      miss: a.requests.miss + b.requests.miss,
      bypass: a.requests.bypass + b.requests.bypass,
    },
  }));
}

/** The load of all workers together; of the delays the longest. Each has the limits for itself. */
export function mergeLoad(reports: readonly LoadStatus[]): LoadStatus {
  return reports.reduce((a, b) => ({
    maxInFlight: a.maxInFlight,
    maxLoopDelayMs: a.maxLoopDelayMs,
    inFlight: a.inFlight + b.inFlight,
    loopDelayMs: Math.max(a.loopDelayMs, b.loopDelayMs),
    shed: {
      'in-flight': a.shed['in-flight'] + b.shed['in-flight'],
      route: a.shed.route + b.shed.route,
      'loop-delay': a.shed['loop-delay'] + b.shed['loop-delay'],
    },
  }));
}
