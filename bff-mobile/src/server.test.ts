import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { systemClock } from '@grapevine/shared/clock.ts';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { IdentitySigner, identityHeader } from '@grapevine/shared/identity/identity.ts';
import { fixedKey } from '@grapevine/shared/identity/identity-keys.ts';
import { type MobileUnderTest, post, startMobile, withScopes } from './mobile.fixture.ts';

let mobile: MobileUnderTest;
before(async () => {
  mobile = await startMobile();
});
after(() => mobile.stop());

async function codeOf(response: Response): Promise<[number, unknown]> {
  assert.equal(response.headers.get('content-type'), 'application/problem+json');
  return [response.status, ((await response.json()) as { code: unknown }).code];
}

async function until(holds: () => boolean): Promise<void> {
  const deadline = systemClock.monotonicMs() + 5_000;
  while (!holds()) {
    assert.ok(systemClock.monotonicMs() < deadline, `waited in vain for ${holds}`);
    await setImmediate();
  }
}

const resources = [
  '/topics',
  '/topics/t/messages',
  '/messages/x',
  '/messages/x/proof',
  '/sync',
  '/cluster/consistency',
];

test('answers nobody whom the gateway does not vouch for', async () => {
  const forged = new IdentitySigner(fixedKey(new Uint8Array(32).fill(9)), 'bff', systemClock);
  const forOthers = new IdentitySigner(fixedKey(new Uint8Array(32).fill(1)), 'node', systemClock);
  const caller = { subject: 'eve', scopes: ['messages:read', 'cluster:read'] as const };
  for (const header of ['', 'v1.a.b', forged.sign(caller), forOthers.sign(caller)]) {
    for (const path of resources) {
      const response = await mobile.call(path, { headers: { [identityHeader]: header } });
      assert.deepEqual(await codeOf(response), [401, 'UNAUTHENTICATED'], path);
    }
  }
  assert.equal((await fetch(`http://127.0.0.1:${mobile.port}/mobile/v1/topics`)).status, 401);
});

test('names the scope that is missing', async () => {
  const refusals: [string, RequestInit, string][] = [
    ['/topics', withScopes(mobile, 'messages:write'), 'messages:read'],
    ['/sync', withScopes(mobile, 'cluster:read'), 'messages:read'],
    ['/cluster/consistency', withScopes(mobile, 'messages:read'), 'cluster:read'],
    ['/topics/t/messages', { ...withScopes(mobile, 'messages:read'), method: 'POST' }, 'messages:write'],
  ];
  for (const [path, init, scope] of refusals) {
    const response = await mobile.call(path, init);
    const { code, detail } = (await response.json()) as { code: string; detail: string };
    assert.deepEqual([response.status, code], [403, 'FORBIDDEN']);
    assert.ok(detail.includes(scope), detail);
  }
});

test('says which methods a resource has', async () => {
  for (const path of resources) {
    const expected = path === '/topics/t/messages' ? 'GET, HEAD, POST, OPTIONS' : 'GET, HEAD, OPTIONS';
    const options = await mobile.call(path, { method: 'OPTIONS' });
    assert.deepEqual([options.status, options.headers.get('allow')], [204, expected]);
    for (const method of ['DELETE', 'PUT', 'PATCH', ...(expected.includes('POST') ? [] : ['POST'])]) {
      const response = await mobile.call(path, { method });
      assert.equal(response.headers.get('allow'), expected);
      assert.deepEqual(await codeOf(response), [405, 'METHOD_NOT_ALLOWED'], `${method} ${path}`);
    }
  }
});

test('knows one address per resource', async () => {
  const paths = ['', '/', '/Topics', '/topics/', '/topics/a/b/messages', '/topics//messages', '/messages', '/nothing'];
  for (const path of paths) assert.deepEqual(await codeOf(await mobile.call(path)), [404, 'NOT_FOUND'], path);
});

test('carries the caller and the request id down to the node, and the id into the log', async () => {
  const headers = { ...mobile.identity({ subject: 'grace' }), 'x-request-id': 'request-7' };
  await mobile.call('/topics', { headers });
  const recorded = mobile.cluster.nodes
    .flatMap(({ requests }) => requests)
    .find(({ requestId }) => requestId !== undefined);
  assert.deepEqual([recorded?.requestId, recorded?.caller.subject], ['request-7', 'grace']);
  const line = mobile.logged.find(({ requestId }) => requestId === 'request-7');
  assert.deepEqual([line?.['path'], line?.['status'], line?.['principal']], ['/mobile/v1/topics', 200, 'grace']);
  const refused = await mobile.call('/nothing', { headers: { 'x-request-id': 'request-8' } });
  assert.equal(((await refused.json()) as { requestId: string }).requestId, 'request-8');
});

test('passes on that the cluster is overloaded, with the time to wait', async () => {
  for (const node of mobile.cluster.nodes) {
    node.failure = new GrapevineError('OVERLOADED', 'The queue is full.', { retryAfterSeconds: 3 });
  }
  const response = await mobile.call('/topics/t/messages', post({ body: 'x' }));
  assert.equal(response.headers.get('retry-after'), '3');
  assert.deepEqual(await codeOf(response), [503, 'OVERLOADED']);
  for (const node of mobile.cluster.nodes) node.failure = undefined;
});

test('survives whatever arrives on its port', async () => {
  const lines = [
    'GET /mobile/v1/topics/%ff%fe/messages HTTP/1.1\r\nHost: x\r\n\r\n',
    'GET /mobile/v1/topics?limit=%00 HTTP/1.1\r\nHost: x\r\n\r\n',
    'GET //mobile/v1/topics HTTP/1.1\r\nHost: x\r\n\r\n',
    'GET /mobile/v1/../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n',
    'POST /mobile/v1/topics/t/messages HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n',
    '\0\x01\x02garbage\r\n\r\n',
  ];
  for (const line of lines) {
    const socket = connect(mobile.port, '127.0.0.1');
    socket.end(line);
    const [data] = (await once(socket, 'data')) as [Buffer];
    assert.match(data.toString('latin1'), /^HTTP\/1\.1 4\d\d /, JSON.stringify(line));
    socket.destroy();
  }
  assert.equal((await mobile.call('/topics')).status, 200);
});

test('is alive, ready and measured without an identity', async () => {
  const base = `http://127.0.0.1:${mobile.port}`;
  assert.equal((await fetch(`${base}/healthz`)).status, 200);
  assert.equal((await fetch(`${base}/readyz`)).status, 200);
  await mobile.call(`/messages/${'0'.repeat(64)}`);
  const metrics = await (await fetch(`${base}/metrics`)).text();
  const counts = metrics.split('\n').filter((line) => line.startsWith('grapevine_http_request_duration_seconds_count'));
  const labels = 'method="GET",route="/messages/:id",status="404"';
  assert.ok(
    counts.some((line) => line.includes(labels)),
    counts.join('\n'),
  );
});

test('drops its call to the node when the client goes away', async () => {
  for (const node of mobile.cluster.nodes) node.frozen = true;
  const calls = (): number => mobile.cluster.nodes.reduce((sum, node) => sum + node.openRequests - node.openFeeds, 0);
  const client = new AbortController();
  const answer = mobile.call('/topics', { signal: client.signal });
  await until(() => calls() === 1);
  client.abort();
  await assert.rejects(answer, { name: 'AbortError' });
  await until(() => calls() === 0);
  await until(() => mobile.logged.some(({ status }) => status === 'aborted'));
  assert.deepEqual(
    mobile.logged.filter(({ level }) => level === 'error'),
    [],
  );
  for (const node of mobile.cluster.nodes) node.frozen = false;
});

test('goes on while one node is down, and says so when all are', async () => {
  const [first, second, third] = mobile.cluster.nodes;
  await first?.stop();
  for (let i = 0; i < 10; i++) {
    await mobile.publish('down', String(i));
    assert.equal((await mobile.call('/topics/down/messages')).status, 200);
  }
  await second?.stop();
  await third?.stop();
  for (const init of [{}, post({ body: 'x' })]) {
    const response = await mobile.call('/topics/down/messages', init);
    assert.ok(Number(response.headers.get('retry-after')) >= 1);
    assert.deepEqual(await codeOf(response), [503, 'UNAVAILABLE']);
  }
  const ready = await fetch(`http://127.0.0.1:${mobile.port}/readyz`);
  assert.deepEqual(await codeOf(ready), [503, 'UNAVAILABLE']);
  assert.equal((await fetch(`http://127.0.0.1:${mobile.port}/healthz`)).status, 200);
});
