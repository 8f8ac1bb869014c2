import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, createServer, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { echoWebSocket } from './testing/echo-websockets.ts';
import { type GatewayProcess, isAlive, readyPorts, startWorkers, workerPids } from './testing/gateway-process.ts';
import { type RecordingUpstream, startRecordingUpstream } from './testing/recording-upstream.ts';
import { signWithHmac, until } from './testing/running-gateway.ts';

/** Processes start and stop in these tests, on machines that are busy. */
const patientMs = 60_000;

/** Shared by the tests, which follow each other: processes take seconds to start. The last one ends it. */
let gateway: GatewayProcess;
let ports: { readonly http: number; readonly admin: number };
let upstream: RecordingUpstream;
let authorization: string;

before(async () => {
  upstream = await startRecordingUpstream();
  gateway = await start();
  ports = await readyPorts(gateway);
  authorization = `Bearer ${await signWithHmac('alice')}`;
});
after(async () => {
  gateway.child.kill('SIGKILL');
  await gateway.exit;
  await upstream.stop();
});

const scopes = { read: 'messages:read', write: 'messages:write' };
const routes = [
  { name: 'kept', path: '/kept', upstream: 'web', cache: true, scopes },
  { name: 'limited', path: '/limited', upstream: 'web', rate: { perSecond: 1, burst: 20 }, scopes },
  { name: 'web', path: '/web/**', upstream: 'web', webSockets: true, scopes },
];

function start(): Promise<GatewayProcess> {
  return startWorkers(2, {
    GRAPEVINE_GATEWAY__UPSTREAMS__WEB: JSON.stringify([upstream.url]),
    GRAPEVINE_GATEWAY__ROUTES: JSON.stringify(routes),
  });
}

/** A request over a connection of its own, so that the kernel chooses a worker anew. */
function ask(path = '/web/x'): Promise<{ readonly status: number; readonly body: string }> {
  return new Promise((resolve, reject) => {
    const options = { agent: new Agent(), headers: { authorization, connection: 'close' } };
    const outgoing = httpRequest(`http://127.0.0.1:${ports.http}${path}`, options, (answer) => {
      let body = '';
      answer.on('data', (chunk) => {
        body += String(chunk);
      });
      answer.once('end', () => resolve({ status: answer.statusCode ?? 0, body }));
      answer.once('error', reject);
    });
    outgoing.once('error', reject);
    outgoing.end();
  });
}

async function metric(pattern: RegExp): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${ports.admin}/metrics`)).text();
  return Number(pattern.exec(text)?.[1] ?? Number.NaN);
}

const requestCount = /grapevine_gateway_request_seconds_count\{[^}]*route="web"[^}]*\} (\d+)/;
const workerCount = /^grapevine_gateway_workers (\d+)/m;

test('two workers share the port, and operators see them as one', async () => {
  for (let count = 0; count < 10; count++) assert.equal((await ask()).status, 200);
  assert.equal(await metric(workerCount), 2);
  await until('all requests are counted', async () => (await metric(requestCount)) === 10, patientMs);
  const answer = await (await fetch(`http://127.0.0.1:${ports.admin}/upstreams`)).json();
  const [web] = (answer as { upstreams: { name: string; instances: { window: { requests: number } }[] }[] }).upstreams;
  assert.equal(web?.name, 'web');
  assert.equal(web?.instances[0]?.window.requests, 10);
});

test('a rate is one for all workers', async () => {
  const found = await Promise.all(Array.from({ length: 60 }, () => ask('/limited')));
  const allowed = found.filter(({ status }) => status === 200).length;
  assert.ok(allowed >= 20, `${allowed} of at least 20 passed`);
  // One more for each second that the machine takes; on their own, two workers would let 40 through.
  assert.ok(allowed < 40, `${allowed} passed`);
  assert.ok(found.every(({ status }) => status === 200 || status === 429));
});

test('each worker keeps answers of its own, and a purge empties all of them', async () => {
  const begun = upstream.begun();
  upstream.answerWith((_request, response) => {
    response.writeHead(200, { 'cache-control': 'public, max-age=600' }).end('kept');
  });
  // The kernel chooses the worker: after so many connections, both have had one.
  await until(
    'both keep it',
    async () => (await ask('/kept')).status === 200 && upstream.begun() === begun + 2,
    patientMs,
  );
  const admin = `http://127.0.0.1:${ports.admin}/cache`;
  assert.equal(((await (await fetch(admin)).json()) as { entries: number }).entries, 2);
  const purged = await fetch(`${admin}/purge?url=/kept`, { method: 'POST' });
  assert.deepEqual(await purged.json(), { purged: 2 });
  assert.equal(((await (await fetch(admin)).json()) as { entries: number }).entries, 0);
});

test('a worker that dies is replaced, and the other one goes on meanwhile', async () => {
  const before = workerPids(gateway);
  assert.equal(before.length, 2);
  const victim = before[0] ?? assert.fail();
  process.kill(victim, 'SIGKILL');
  // Connections that the kernel had given to it are reset with it; every one after its end goes to the other.
  await until('it is gone', () => !isAlive(victim), patientMs);
  for (let count = 0; count < 10; count++) assert.equal((await ask()).status, 200);
  await until('there are two again', async () => (await metric(workerCount)) === 2, patientMs);
  assert.ok(!workerPids(gateway).includes(victim));
  for (let count = 0; count < 4; count++) assert.equal((await ask()).status, 200);
});

test('workers do not outlive a primary that was killed', async () => {
  const other = await start();
  await readyPorts(other);
  const pids = workerPids(other);
  assert.equal(pids.length, 2);
  other.child.kill('SIGKILL');
  await other.exit;
  await until('they are gone', () => pids.every((pid) => !isAlive(pid)), patientMs);
});

test('what no worker can start with is one line and exit code 1', async () => {
  const holder = createServer();
  await new Promise<void>((resolve) => {
    holder.listen(0, '127.0.0.1', resolve);
  });
  const { port } = holder.address() as AddressInfo;
  const failures = [
    [{ GRAPEVINE_GATEWAY__PORT: String(port) }, /^gateway: Port [^\n]*PORT_TAKEN[^\n]*\n$/],
    [{ GRAPEVINE_GATEWAY__ADMIN_PORT: String(port) }, /^gateway: Port [^\n]*PORT_TAKEN[^\n]*\n$/],
    [{ GRAPEVINE_GATEWAY__AUTH__JWKS_FILE: '/absent' }, /^gateway: [^\n]*\/absent[^\n]*CONFIG_INVALID[^\n]*\n$/],
  ] as const;
  await Promise.all(
    failures.map(async ([environment, line]) => {
      const other = await startWorkers(2, environment);
      assert.equal((await other.exit).code, 1);
      assert.match(other.errors(), line);
    }),
  );
  holder.close();
});

test('on SIGTERM every request in flight is answered, streams are told goodbye, and it ends with 0', async () => {
  const begun = upstream.begun();
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  upstream.answerWith((request, response) => {
    if (request.url === '/web/events') response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
    else void released.then(() => response.end('whole'));
  });
  upstream.upgradeWith(echoWebSocket);
  const waiting = Array.from({ length: 40 }, () => ask('/web/slow'));
  await until('all are in flight', () => upstream.begun() === begun + 40, patientMs);
  const streams = await Promise.all(
    Array.from({ length: 4 }, () => fetch(`http://127.0.0.1:${ports.http}/web/events`, { headers: { authorization } })),
  );
  // Node's WebSocket takes headers, which the type of the browser's does not know.
  const options = { headers: { authorization } } as unknown as string[];
  const sockets = Array.from({ length: 4 }, () => new WebSocket(`ws://127.0.0.1:${ports.http}/web/graphql`, options));
  await Promise.all(sockets.map((socket) => once(socket, 'open')));
  const closes = sockets.map((socket) => once(socket, 'close') as Promise<[CloseEvent]>);

  gateway.child.kill('SIGTERM');
  for (const stream of streams) assert.equal(await stream.text(), ': the server goes away\n\n');
  for (const close of closes) assert.equal((await close)[0].code, 1001);
  await assert.rejects(ask(), 'no new connections are taken');
  assert.equal((await fetch(`http://127.0.0.1:${ports.admin}/readyz`)).status, 503);
  release();
  for (const answer of await Promise.all(waiting)) assert.deepEqual(answer, { status: 200, body: 'whole' });
  assert.deepEqual(await gateway.exit, { code: 0, signal: null });
  assert.equal(gateway.errors(), '');
});
