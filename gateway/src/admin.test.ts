import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type RunningGateway, startRunningGateway } from './testing/running-gateway.ts';

let gateway: RunningGateway;
before(async () => {
  gateway = await startRunningGateway();
  await gateway.fetch('/web/x');
  await gateway.fetch('/nowhere');
});
after(() => gateway.stop());

async function read(path: string): Promise<Record<string, unknown>> {
  const response = await fetch(gateway.adminUrl + path);
  assert.equal(response.status, 200);
  return (await response.json()) as Record<string, unknown>;
}

test('health and readiness', async () => {
  assert.deepEqual(await read('/healthz'), { status: 'ok' });
  assert.deepEqual(await read('/readyz'), { status: 'ready' });
});

test('metrics count requests by route and class of status, and refusals by code', async () => {
  const text = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
  assert.match(text, /^grapevine_gateway_tracked_callers\{limit="principal"\} 1$/m);
  assert.match(text, /grapevine_gateway_request_seconds_count\{route="web",status="2xx"\} 1/);
  assert.match(text, /grapevine_gateway_refusals_total\{code="NOT_FOUND"\} 1/);
  assert.match(text, /grapevine_gateway_breaker_open\{upstream="mobile",target="http:\/\/127[^"]*"\} 0/);
  assert.match(text, /grapevine_gateway_in_flight 0/);
  assert.match(text, /grapevine_gateway_callers_total\{proof="token"\} 1/);
});

test('upstreams show breakers and load', async () => {
  const window = { requests: 1, failures: 0, refused: 0 };
  const state = { breaker: 'closed', healthy: true, ejected: false, ejections: 0, inFlight: 0, latencyMs: 0 };
  const attempts = { retries: 0, hedges: 0, withheld: 0 };
  const web = { url: gateway.web.url, ...state, window };
  const mobile = { ...web, url: gateway.mobile.url, window: { ...window, requests: 0 } };
  assert.deepEqual(await read('/upstreams'), {
    upstreams: [
      { name: 'web', attempts, instances: [web] },
      { name: 'mobile', attempts, instances: [mobile] },
    ],
  });
});

test('routes show what each path needs, as the configuration has it with its defaults', async () => {
  const { routes } = (await read('/routes')) as { routes: { name: string }[] };
  assert.deepEqual(
    routes.find(({ name }) => name === 'mobile'),
    {
      name: 'mobile',
      path: '/mobile/v1/**',
      methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
      headers: {},
      developmentOnly: false,
      upstream: 'mobile',
      engine: 'dispatch',
      webSockets: false,
      priority: 'normal',
      cache: true,
      scopes: { read: 'messages:read', write: 'messages:write' },
      requestHeaders: { set: {}, remove: [] },
      answerHeaders: { set: {}, remove: [] },
    },
  );
});

test('limits show the rates, how many keys they track, and the load', async () => {
  const { load, ...limits } = (await read('/limits')) as { load: { loopDelayMs: number } };
  const { loopDelayMs, ...rest } = load;
  assert.ok(loopDelayMs >= 0);
  assert.deepEqual(rest, {
    maxInFlight: 8_192,
    maxLoopDelayMs: 60_000,
    inFlight: 0,
    shed: { 'in-flight': 0, route: 0, 'loop-delay': 0 },
  });
  assert.deepEqual(limits, {
    countedIn: 'memory',
    rates: [
      { per: 'address', perSecond: 1_000, burst: 2_000, tracked: 1, refused: 0 },
      { per: 'principal', perSecond: 500, burst: 1_000, tracked: 1, refused: 0 },
    ],
    maxBodyBytes: 2_097_152,
  });
});

test('the cache shows what it did, and is emptied by address, by prefix and whole', async () => {
  assert.deepEqual(await read('/cache'), {
    entries: 0,
    bytes: 0,
    evictions: 0,
    invalidations: 0,
    requests: { hit: 0, stale: 0, revalidated: 0, collapsed: 0, miss: 0, bypass: 0 },
  });
  const purge = (query: string): Promise<Response> =>
    fetch(`${gateway.adminUrl}/cache/purge${query}`, { method: 'POST' });
  for (const query of ['?all=true', '?url=/x', '?prefix=http://a.example/']) {
    assert.deepEqual(await (await purge(query)).json(), { purged: 0 }, query);
  }
  for (const query of ['', '?all=no', '?url=/x&all=true', '?prefix=', '?everything']) {
    const refused = await purge(query);
    assert.equal(refused.status, 400, query);
    assert.equal(((await refused.json()) as { code: string }).code, 'INVALID_ARGUMENT');
  }
  const read405 = await fetch(`${gateway.adminUrl}/cache/purge`);
  assert.deepEqual([read405.status, read405.headers.get('allow')], [405, 'POST']);
});

test('anything else is a problem document', async () => {
  const unknown = await fetch(`${gateway.adminUrl}/secrets`);
  assert.equal(unknown.status, 404);
  assert.equal(unknown.headers.get('content-type'), 'application/problem+json');
  const written = await fetch(`${gateway.adminUrl}/limits`, { method: 'POST' });
  assert.equal(written.status, 405);
  assert.equal(written.headers.get('allow'), 'GET, HEAD');
});
