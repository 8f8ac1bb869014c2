import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bucketGrowth, Exposition, growth, quantile } from './exposition.ts';
import { gatewayFigures } from './gateway-figures.ts';
import { nodeFigures } from './node-figures.ts';

const histogram = (name: string, low: number, all: number): string => `# TYPE ${name} histogram
${name}_bucket{le="0.1"} ${low}
${name}_bucket{le="1"} ${all}
${name}_bucket{le="+Inf"} ${all}
${name}_count{route="web",status="2xx"} ${all}`;

test('series are read with their labels, and what is no series is left out', () => {
  const exposed = new Exposition('# HELP a b\na 5\nb{x="1",y="q\\"u"} 2\nb{x="2"} 3e1\n\nnonsense\n');
  assert.equal(exposed.sum('a'), 5);
  assert.equal(exposed.sum('b'), 32);
  assert.equal(exposed.sum('b', 'x', '2'), 30);
  assert.equal(exposed.series('b')[0]?.labels['y'], 'q\\"u');
  assert.equal(exposed.sum('none'), 0);
});

test('a counter that got smaller began anew', () => {
  assert.equal(growth(5, 8), 3);
  assert.equal(growth(500, 8), 8);
});

test('quantiles lie in the bucket where their rank is, and are unknown when nothing was observed', () => {
  const before = new Exposition(histogram('h', 10, 10)).buckets('h');
  const now = new Exposition(histogram('h', 110, 110)).buckets('h');
  assert.equal(quantile(bucketGrowth(before, now), 0.5), 0.05);
  assert.equal(quantile(bucketGrowth(now, now), 0.5), null);
  assert.equal(
    quantile(
      new Map([
        [1, 0],
        [Number.POSITIVE_INFINITY, 4],
      ]),
      0.99,
    ),
    1,
  );
});

test('nodes that answered twice make figures, others do not', () => {
  const scrape = (node: string, messages: number, sent: number) => ({
    node,
    exposed: new Exposition(
      `grapevine_messages ${messages}\ngrapevine_udp_sent_bytes_total ${sent}\ngrapevine_segments_received_total ${messages}
grapevine_segments_known_total ${messages / 4}\ngrapevine_datagrams_received_total{type="pull-response"} ${sent}
${histogram('grapevine_arrival_seconds', messages, messages)}`,
    ),
  });
  const before = [scrape('node-1', 0, 0), scrape('node-2', 0, 0)];
  const figures = nodeFigures(before, [scrape('node-1', 40, 1_000), scrape('node-3', 9, 9)], 4);
  assert.deepEqual(figures, {
    publishedPerSecond: 10,
    convergenceMs: 50,
    convergenceHighMs: 99,
    gossipBytesPerSecond: 250,
    duplicateShare: 0.25,
    pullsPerSecond: 250,
  });
  assert.equal(nodeFigures(before, [scrape('node-3', 9, 9)], 4).publishedPerSecond, null);
});

test('of the gateway: rates by route and status, latency but of streams, breakers, what was refused, what the cache did', () => {
  const text = (all: number): string => `${histogram('grapevine_gateway_request_seconds', all, all)}
grapevine_gateway_request_seconds_bucket{route="web-events",le="+Inf"} ${all}
grapevine_gateway_breaker_open{upstream="web",target="http://127.0.0.1:8081"} 0.5
grapevine_gateway_rate_limited_total{limit="principal"} ${all}
grapevine_gateway_cache_requests_total{verdict="hit"} ${all}
grapevine_gateway_cache_requests_total{verdict="miss"} ${all * 3}`;
  const figures = gatewayFigures(new Exposition(text(0)), new Exposition(text(100)), 5);
  assert.deepEqual(figures, {
    requests: [{ route: 'web', status: '2xx', perSecond: 20 }],
    p50Ms: 50,
    p90Ms: 90,
    p99Ms: 99,
    breakers: [{ upstream: 'web', target: 'http://127.0.0.1:8081', state: 'half-open' }],
    limitedPerSecond: 20,
    shedPerSecond: 0,
    cacheHitShare: 0.25,
  });
});
