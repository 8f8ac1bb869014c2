import { type Buckets, bucketGrowth, type Exposition, growth, quantile } from './exposition.ts';
import type { Breaker, GatewayFigures, RequestRate } from './figures.ts';

/** Series kept of one sample: all routes of the default table in three classes of status, and some to spare. */
const maxRequestRates = 64;
/** Instances of all upstreams together. */
const maxBreakers = 64;

const requestSeconds = 'grapevine_gateway_request_seconds';
/** Routes that answer for as long as somebody listens, or wait for news: how long says nothing of how fast. */
const patientRoutes: ReadonlySet<string> = new Set(['web-events', 'mobile-sync']);
const cacheRequests = 'grapevine_gateway_cache_requests_total';
/** Verdicts of the cache by which it answered without asking an upstream for a body. */
const hits: ReadonlySet<string> = new Set(['hit', 'stale', 'revalidated', 'collapsed']);

/** What the gateway did between two scrapes that are `seconds` apart. */
export function gatewayFigures(before: Exposition, now: Exposition, seconds: number): GatewayFigures {
  const perSecond = (name: string): number => growth(before.sum(name), now.sum(name)) / seconds;
  const times = bucketGrowth(timesIn(before), timesIn(now));
  const inMs = (q: number): number | null => {
    const found = quantile(times, q);
    return found === null ? null : found * 1_000;
  };
  const looked = growth(before.sum(cacheRequests), now.sum(cacheRequests));
  const verdicts = now.series(cacheRequests).map(({ labels }) => labels['verdict'] ?? '');
  const answered = verdicts
    .filter((verdict) => hits.has(verdict))
    .map((verdict) => growth(before.sum(cacheRequests, 'verdict', verdict), now.sum(cacheRequests, 'verdict', verdict)))
    .reduce((sum, count) => sum + count, 0);
  return {
    requests: requestRates(before, now, seconds),
    p50Ms: inMs(0.5),
    p90Ms: inMs(0.9),
    p99Ms: inMs(0.99),
    breakers: breakersOf(now),
    limitedPerSecond: perSecond('grapevine_gateway_rate_limited_total'),
    shedPerSecond: perSecond('grapevine_gateway_shed_total'),
    cacheHitShare: looked === 0 ? null : answered / looked,
  };
}

function timesIn(exposition: Exposition): Buckets {
  return exposition.buckets(requestSeconds, ({ route = '' }) => !patientRoutes.has(route));
}

function requestRates(before: Exposition, now: Exposition, seconds: number): RequestRate[] {
  const name = `${requestSeconds}_count`;
  const rates = now.series(name).map(({ labels, value }) => {
    const { route = 'none', status = '' } = labels;
    const earlier = before.series(name).find((one) => one.labels['route'] === route && one.labels['status'] === status);
    return { route, status, perSecond: growth(earlier?.value ?? 0, value) / seconds };
  });
  return rates.filter(({ perSecond }) => perSecond > 0).slice(0, maxRequestRates);
}

function breakersOf(now: Exposition): Breaker[] {
  return now
    .series('grapevine_gateway_breaker_open')
    .slice(0, maxBreakers)
    .map(({ labels, value }) => ({
      upstream: labels['upstream'] ?? '',
      target: labels['target'] ?? '',
      state: value === 1 ? 'open' : value > 0 ? 'half-open' : 'closed',
    }));
}
