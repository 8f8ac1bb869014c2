import assert from 'node:assert/strict';
import test from 'node:test';
import { ManualClock, systemClock } from '@grapevine/shared/clock.ts';
import { problemContentType, problemSchema } from '@grapevine/shared/errors/problem.ts';
import { IdentitySigner, identityHeader } from '@grapevine/shared/identity/identity.ts';
import { fixedKey } from '@grapevine/shared/identity/identity-keys.ts';
import { clusterKeys, codeOf, TestNode, vouched } from '@grapevine/test/fixtures/node-http.ts';

const routes = [
  ['GET', '/v1/messages'],
  ['POST', '/v1/messages'],
  ['GET', `/v1/messages/${'0'.repeat(64)}`],
  ['GET', `/v1/messages/${'0'.repeat(64)}/proof`],
  ['GET', '/v1/topics'],
  ['GET', '/v1/topics/a'],
  ['GET', '/v1/topics/a/messages'],
  ['GET', '/v1/sync'],
  ['GET', '/v1/stream'],
  ['GET', '/v1/heads'],
  ['GET', '/v1/root'],
  ['GET', `/v1/origins/${'0'.repeat(32)}/root`],
  ['GET', `/v1/origins/${'0'.repeat(32)}/consistency`],
  ['GET', `/v1/origins/${'0'.repeat(32)}/subtree`],
  ['GET', '/v1/compare'],
  ['GET', '/v1/members'],
] as const;

test('every route of the API wants an identity, and the scope that goes with it', async () => {
  await using node = await TestNode.start();
  for (const [method, path] of routes) {
    const unknown = await node.send(path, { method });
    assert.equal(unknown.status, 401, `${method} ${path} without identity`);
    assert.equal(unknown.headers.get('content-type'), problemContentType);
    assert.equal(problemSchema.parse(unknown.body).code, 'UNAUTHENTICATED');
    const powerless = await node.send(path, { method, headers: vouched(['cluster:admin']) });
    assert.equal(powerless.status, 403, `${method} ${path} without scope`);
    assert.equal(codeOf(powerless), 'FORBIDDEN');
  }
});

test('reading does not entitle to write, nor messages to the cluster', async () => {
  await using node = await TestNode.start();
  const reader = vouched(['messages:read']);
  const write = await node.send('/v1/messages', { method: 'POST', headers: reader, body: '{}' });
  assert.equal(write.status, 403);
  assert.equal((await node.send('/v1/heads', { headers: reader })).status, 403);
  assert.equal((await node.send('/v1/topics', { headers: reader })).status, 200);
  assert.equal((await node.send('/v1/topics', { headers: vouched(['cluster:read']) })).status, 403);
});

test('an identity that is forged, old or for another hop is refused', async () => {
  await using node = await TestNode.start();
  const identity = { subject: 'eve', scopes: ['messages:read'] } as const;
  const yesterday = new ManualClock(systemClock.wallMs() - 86_400_000);
  const headers = [
    new IdentitySigner(fixedKey(new Uint8Array(32)), 'node', systemClock).sign(identity),
    new IdentitySigner(clusterKeys, 'bff', systemClock).sign(identity),
    new IdentitySigner(clusterKeys, 'node', yesterday).sign(identity),
    'v1.e30.AAAA',
    'nonsense',
  ];
  for (const header of headers) {
    const answer = await node.send('/v1/topics', { headers: { [identityHeader]: header } });
    assert.equal(answer.status, 401, header);
  }
});

test('a wrong method gets 405 and is told the right ones', async () => {
  await using node = await TestNode.start();
  const all = [...routes.map(([, path]) => path), '/healthz', '/readyz', '/metrics'];
  for (const path of all) {
    const answer = await node.send(path, { method: 'DELETE', headers: vouched() });
    assert.equal(answer.status, 405, path);
    assert.equal(codeOf(answer), 'METHOD_NOT_ALLOWED');
    assert.equal(answer.headers.get('allow'), path === '/v1/messages' ? 'GET, HEAD, POST' : 'GET, HEAD');
  }
});

test('an unknown path gets 404, an undecodable one 400', async () => {
  await using node = await TestNode.start();
  for (const path of ['/', '/v1', '/v1/nothing', '/v2/topics']) {
    const answer = await node.get(path);
    assert.equal(answer.status, 404, path);
    assert.equal(codeOf(answer), 'NOT_FOUND');
  }
  const broken = await node.get('/v1/topics/%E0%A4%A/messages');
  assert.equal(broken.status, 400);
  assert.equal(codeOf(broken), 'BAD_REQUEST');
});

test('health, readiness and metrics are open', async () => {
  await using node = await TestNode.start();
  const health = await node.send('/healthz', {});
  assert.deepEqual([health.status, health.body], [200, { status: 'ok' }]);
  assert.equal((await node.send('/readyz', {})).status, 200);
  node.service.reason = 'the log is being read';
  const unready = await node.send('/readyz', {});
  assert.equal(unready.status, 503);
  assert.equal(unready.headers.get('retry-after'), '1');
  assert.match(problemSchema.parse(unready.body).detail, /the log is being read/);
  assert.equal((await node.send('/healthz', {})).status, 200, 'alive, though not ready');
  const metrics = await node.send('/metrics', {});
  assert.equal(metrics.status, 200);
  const series = metrics.text.split('\n').filter((line) => line.startsWith('grapevine_'));
  assert.ok(series.some((line) => /_seconds_count\{.*method="GET",route="\/readyz",status="503"\} 1$/.test(line)));
  assert.ok(series.some((line) => /^grapevine_node_streams\{.*\} 0$/.test(line)));
});

test('paths that a caller makes up do not become series', async () => {
  await using node = await TestNode.start();
  await node.get('/v1/topics/some-topic');
  await node.get('/no/such/path');
  const { text } = await node.send('/metrics', {});
  const routesSeen = new Set([...text.matchAll(/route="([^"]*)"/g)].map(([, route]) => route));
  assert.deepEqual(routesSeen, new Set(['/v1/topics/:topic', 'none']));
});

test('a failure of ours is a 500 without details, and its cause is in the log under the request id', async () => {
  await using node = await TestNode.start();
  node.service.refusal = new Error('the disk is on fire');
  const answer = await node.post(
    '/v1/messages',
    { messages: [{ topic: 'a', body: 'b' }] },
    { 'x-request-id': 'request-9' },
  );
  assert.equal(answer.status, 500);
  const problem = problemSchema.parse(answer.body);
  assert.deepEqual([problem.code, problem.requestId], ['INTERNAL', 'request-9']);
  assert.doesNotMatch(answer.text, /fire/);
  assert.match(
    node.logged.join(''),
    /"requestId":"request-9".*the disk is on fire|the disk is on fire.*"requestId":"request-9"/,
  );
});

test('two of the longest tokens fit into a request', async () => {
  await using node = await TestNode.start();
  const token = 'A'.repeat(30_000);
  const answer = await node.get(`/v1/sync?since=${token}&consistency=${token}`);
  assert.equal(codeOf(answer), 'INVALID_CURSOR', 'read and refused for what it says, not for its length');
});

test('repeated and unknown query parameters are named', async () => {
  await using node = await TestNode.start();
  const twice = await node.get('/v1/topics?after=a&after=b');
  assert.equal(twice.status, 400);
  assert.match(problemSchema.parse(twice.body).detail, /after: expected one value/);
  const unknown = await node.get('/v1/topics?offset=3');
  assert.equal(unknown.status, 400);
  assert.match(problemSchema.parse(unknown.body).detail, /offset/);
});

test('HEAD is answered like GET, without a body', async () => {
  await using node = await TestNode.start();
  const answer = await node.send('/v1/topics', { method: 'HEAD', headers: vouched() });
  assert.deepEqual([answer.status, answer.text], [200, '']);
});

test('stops while callers keep idle connections', async () => {
  const node = await TestNode.start();
  await node.get('/v1/topics');
  await node.stop();
  await assert.rejects(node.get('/v1/topics'));
});
