import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, test } from 'node:test';
import { engines, type RunningGateway, startRunningGateway, until } from './testing/running-gateway.ts';

const patientMs = 30_000;

let gateway: RunningGateway;
afterEach(() => gateway.stop());

async function code(answer: Response): Promise<string> {
  const { code: found } = (await answer.json()) as { code?: string };
  return `${answer.status} ${found}`;
}

async function operator(): Promise<RequestInit> {
  const token = await gateway.token({ subject: 'op', scope: 'messages:read cluster:read' });
  return { headers: { authorization: `Bearer ${token}` } };
}

/** Answers of the upstream wait until `release` is called. */
function holdAnswers(): () => void {
  const { promise, resolve } = Promise.withResolvers<void>();
  gateway.web.answerWith((request, response) => {
    request.resume();
    void promise.then(() => response.end('{}'));
  });
  return resolve;
}

async function load(): Promise<{ inFlight: number; shed: Record<string, number>; loopDelayMs: number }> {
  const limits = (await (await fetch(`${gateway.adminUrl}/limits`)).json()) as { load: never };
  return limits.load;
}

test('behind a slow upstream, what is too much is told so at once, and operators still get in', async () => {
  gateway = await startRunningGateway({ load: { maxInFlight: 10, maxLoopDelayMs: 60_000 } });
  const release = holdAnswers();
  const waiting = Array.from({ length: 10 }, () => gateway.fetch('/web/x'));
  await until('ten are open', () => gateway.web.begun() === 10, patientMs);
  const refused = await gateway.fetch('/web/x', { method: 'POST', body: '{}' });
  const retryAfter = Number(refused.headers.get('retry-after'));
  assert.ok(retryAfter >= 1 && retryAfter <= 3, `Retry-After: ${retryAfter}`);
  assert.equal(await code(refused), '503 OVERLOADED');
  const asOperator = await operator();
  waiting.push(gateway.fetch('/web/x', asOperator));
  await until('an operator got in', () => gateway.web.begun() === 11, patientMs);
  // The room that is kept for operators has an end, too.
  assert.equal(await code(await gateway.fetch('/web/x', asOperator)), '503 OVERLOADED');
  assert.equal((await fetch(`${gateway.adminUrl}/healthz`)).status, 200);
  const { inFlight, shed } = await load();
  assert.equal(inFlight, 11);
  assert.deepEqual(shed, { 'in-flight': 2, route: 0, 'loop-delay': 0 });
  release();
  for (const answer of await Promise.all(waiting)) assert.equal(answer.status, 200);
  assert.equal(gateway.web.begun(), 11);
  await until('all have left', async () => (await load()).inFlight === 0, patientMs);
  assert.equal((await gateway.fetch('/web/x')).status, 200);
});

test('a route that has enough to do does not keep the others from working', async () => {
  const route = { upstream: 'web', scopes: { read: 'messages:read', write: 'messages:read' } };
  gateway = await startRunningGateway({
    routes: [
      { ...route, name: 'reports', path: '/reports/**', maxInFlight: 2 },
      { ...route, name: 'rest', path: '/web/**' },
    ],
  });
  const release = holdAnswers();
  const waiting = [gateway.fetch('/reports/a'), gateway.fetch('/reports/b')];
  await until('two are open', () => gateway.web.begun() === 2, patientMs);
  assert.equal(await code(await gateway.fetch('/reports/c')), '503 OVERLOADED');
  waiting.push(gateway.fetch('/web/x'));
  await until('another route goes on', () => gateway.web.begun() === 3, patientMs);
  release();
  for (const answer of await Promise.all(waiting)) assert.equal(answer.status, 200);
  assert.equal((await gateway.fetch('/reports/c')).status, 200);
});

test('while the event loop is blocked again and again only operators and routes of priority get in', async () => {
  gateway = await startRunningGateway({ load: { maxLoopDelayMs: 40 } });
  const asOperator = await operator();
  const blocking = setInterval(() => blockFor(120), 1);
  try {
    await until('others are turned away', async () => (await gateway.fetch('/web/x')).status === 503, patientMs);
    assert.notEqual((await load()).shed['loop-delay'], 0);
    for (let count = 0; count < 3; count++) assert.equal((await gateway.fetch('/web/x', asOperator)).status, 200);
    assert.equal((await fetch(`${gateway.url}/console/`)).status, 200);
  } finally {
    clearInterval(blocking);
  }
  await until('everybody gets in again', async () => (await gateway.fetch('/web/x')).status === 200, patientMs);
});

test('one address can have so many connections and no more', async () => {
  gateway = await startRunningGateway({ maxConnectionsPerAddress: 3 });
  const open: Socket[] = [];
  for (let count = 0; count < 3; count++) {
    const socket = connect(gateway.port, '127.0.0.1');
    await once(socket, 'connect');
    open.push(socket);
  }
  const fourth = connect(gateway.port, '127.0.0.1');
  fourth.on('error', () => {});
  await once(fourth.resume(), 'close');
  for (const socket of open) assert.equal(socket.readyState, 'open');
  open[0]?.destroy();
  await until(
    'there is room for one',
    async () => (await gateway.fetch('/web/x').catch(() => undefined))?.status === 200,
  );
  for (const socket of open) socket.destroy();
  const metrics = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
  assert.match(metrics, /grapevine_gateway_connections_refused_total [1-9]/);
});

for (const engine of engines) {
  test(`a client that takes nothing of its answer is cut, by ${engine}`, async () => {
    gateway = await startRunningGateway({ upstreamTimeoutMs: 500 }, engine);
    const chunk = Buffer.alloc(1024 * 1024);
    gateway.web.answerWith((request, response) => {
      request.resume();
      const pour = (): void => {
        while (response.write(chunk));
      };
      response.on('drain', pour);
      pour();
    });
    const client = connect(gateway.port, '127.0.0.1');
    client.on('error', () => {});
    const head = `GET /web/x HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${await gateway.token()}\r\n\r\n`;
    client.pause().write(head);
    await until('its request has begun', () => gateway.web.begun() === 1, patientMs);
    await until('the upstream is rid of it', () => gateway.web.aborted() === 1, patientMs);
    client.destroy();
  });
}

function blockFor(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}
