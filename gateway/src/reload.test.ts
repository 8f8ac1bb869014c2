import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { echoWebSocket } from './testing/echo-websockets.ts';
import { type GatewayProcess, readyPorts, startWorkers, workerPids } from './testing/gateway-process.ts';
import { type RecordingUpstream, startRecordingUpstream } from './testing/recording-upstream.ts';
import { signWithHmac, until } from './testing/running-gateway.ts';

/** Processes start and files settle in these tests, on machines that are busy. */
const patientMs = 60_000;

const folder = mkdtempSync(join(tmpdir(), 'grapevine-gateway-reload-'));
after(() => rmSync(folder, { recursive: true }));
const file = join(folder, 'grapevine.yaml');

let upstreams: readonly [RecordingUpstream, RecordingUpstream];
let gateway: GatewayProcess;
let ports: { readonly http: number; readonly admin: number };
let authorization: string;

/** The gateway's section that sends `/web` to one upstream, with `more` options. */
function section(upstream: RecordingUpstream, more = ''): string {
  return `gateway:\n  upstreams: {web: ['${upstream.url}']}\n${more}`;
}

/** In place of the file, as editors and orchestrators do it: never half of it is there. */
function replace(text: string): void {
  writeFileSync(`${file}.new`, text);
  renameSync(`${file}.new`, file);
}

async function start(workers: number): Promise<void> {
  writeFileSync(file, section(upstreams[0]));
  gateway = await startWorkers(workers, {}, ['--config', file]);
  ports = await readyPorts(gateway);
}

before(async () => {
  upstreams = [await startRecordingUpstream(), await startRecordingUpstream()];
  for (const [index, upstream] of upstreams.entries()) {
    upstream.answerWith((request, response) => {
      if (request.url !== '/web/events') {
        response.end(String(index));
        return;
      }
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(`data: ${index}\n\n`);
    });
    upstream.upgradeWith(echoWebSocket);
  }
  authorization = `Bearer ${await signWithHmac('alice')}`;
});
after(() => Promise.all(upstreams.map((upstream) => upstream.stop())));

interface Status {
  readonly version: number;
  readonly applied: readonly { readonly path: string }[];
  readonly waitingForRestart: readonly { readonly path: string }[];
  readonly refused?: { readonly problems: readonly { readonly place: string; readonly message: string }[] };
}

async function status(): Promise<Status> {
  return (await (await fetch(`http://127.0.0.1:${ports.admin}/config`)).json()) as Status;
}

function reload(): Promise<Response> {
  return fetch(`http://127.0.0.1:${ports.admin}/reload`, { method: 'POST' });
}

/** Which upstream answers now, over the connection of `agent`. */
function ask(agent?: Agent): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { headers: { authorization }, ...(agent === undefined ? {} : { agent }) };
    const outgoing = httpRequest(`http://127.0.0.1:${ports.http}/web/x`, options, (answer) => {
      let body = '';
      answer.on('data', (chunk) => {
        body += String(chunk);
      });
      answer.once('end', () => resolve(answer.statusCode === 200 ? body : `status ${answer.statusCode}: ${body}`));
      answer.once('error', reject);
    });
    outgoing.once('error', reject);
    outgoing.end();
  });
}

/** One gateway for the tests of a `describe`, each of which finds the first upstream in force. */
function share(workers: number): void {
  before(() => start(workers));
  after(async () => {
    gateway.child.kill('SIGKILL');
    await gateway.exit;
  });
  beforeEach(async () => {
    replace(section(upstreams[0]));
    assert.equal((await reload()).status, 200);
  });
}

/** What holds however many processes there are. */
function testChanges(): void {
  test('twenty changes under load: no request, event stream or WebSocket fails', async () => {
    const { version } = await status();
    const events = await fetch(`http://127.0.0.1:${ports.http}/web/events`, { headers: { authorization } });
    // Node's WebSocket takes headers, which the type of the browser's does not know.
    const options = { headers: { authorization } } as unknown as string[];
    const socket = new WebSocket(`ws://127.0.0.1:${ports.http}/web/graphql`, options);
    await once(socket, 'open');
    let ended = false;
    socket.addEventListener('close', () => {
      ended = true;
    });

    let stopped = false;
    const found = new Map<string, number>();
    const agents = Array.from({ length: 4 }, () => new Agent({ keepAlive: true, maxSockets: 1 }));
    const load = agents.map(async (agent) => {
      while (!stopped) {
        const outcome = await ask(agent).catch((error: unknown) => String(error));
        found.set(outcome, (found.get(outcome) ?? 0) + 1);
        await delay(2);
      }
    });
    for (let change = 1; change <= 20; change++) {
      replace(section(upstreams[change % 2 === 1 ? 1 : 0], `  maxBodyBytes: ${2_000 + change}\n`));
      const answer = await reload();
      assert.equal(answer.status, 200, await answer.text());
    }
    assert.ok((await status()).version >= version + 20);
    stopped = true;
    await Promise.all(load);
    assert.deepEqual([...found.keys()].sort(), ['0', '1'], JSON.stringify([...found]));

    const echoed = once(socket, 'message') as Promise<[MessageEvent]>;
    socket.send('still here');
    assert.equal((await echoed)[0].data, 'still here');
    assert.equal(ended, false);
    socket.close();
    const reader = events.body?.getReader() ?? assert.fail();
    assert.equal(Buffer.from((await reader.read()).value ?? []).toString(), 'data: 0\n\n');
    await reader.cancel();
    // The first upstream is in force again, and nobody has been sent to where nobody is any more.
    assert.equal(await ask(), '0');
  });

  test('a file with problems is refused with all of them, and what was in force stays', async () => {
    const before = await status();
    replace(`${section(upstreams[1])}  maxBodyBytes: lots\n  prot: 1\nlgo: {}\n`);
    const answer = await reload();
    assert.equal(answer.status, 422);
    const problem = (await answer.json()) as { code: string; problems: { place: string }[] };
    assert.equal(problem.code, 'RELOAD_REFUSED');
    const places = problem.problems.map(({ place }) => place.slice(file.length)).sort();
    assert.deepEqual(places, [':3:3', ':4:3', ':5:1']);
    replace('\u0000\u0001 [rubbish');
    assert.equal((await reload()).status, 422);
    assert.equal(await ask(), '0');
    const { version, refused } = await status();
    assert.equal(version, before.version);
    assert.ok((refused?.problems.length ?? 0) > 0);
    const metrics = await (await fetch(`http://127.0.0.1:${ports.admin}/metrics`)).text();
    assert.match(metrics, /^grapevine_gateway_config_refused(\{[^}]*\})? 1$/m);
    assert.match(metrics, new RegExp(`^grapevine_gateway_config_version(\\{[^}]*\\})? ${version}$`, 'm'));

    replace(section(upstreams[1]));
    assert.equal((await reload()).status, 200);
    assert.equal(await ask(), '1');
    assert.equal((await status()).refused, undefined);
  });

  test('a configuration that names a file which cannot be used is put in force nowhere', async () => {
    replace(section(upstreams[1], '  auth: {apiKeysFile: /absent/keys.json}\n'));
    const answer = await reload();
    assert.equal(answer.status, 422);
    assert.match(await answer.text(), /\/absent\/keys\.json/);
    for (let count = 0; count < 4; count++) assert.equal(await ask(new Agent()), '0');
  });
}

describe('with one process', () => {
  share(1);

  // The first to change the file: what is noticed late of an earlier change would look like a second one.
  test('a changed file and SIGHUP are noticed; what counts only at the start is said', async () => {
    const { version } = await status();
    replace(section(upstreams[1], '  port: 1\n  drainMs: 9\nlog: {level: debug}\n'));
    await until('the file is read again', async () => (await status()).version === version + 1, patientMs);
    assert.equal(await ask(), '1');
    const { applied, waitingForRestart } = await status();
    assert.deepEqual(
      applied.map(({ path }) => path),
      ['gateway.upstreams.web'],
    );
    // The port is set by the environment, which stands above the file.
    assert.deepEqual(waitingForRestart.map(({ path }) => path).sort(), ['gateway.drainMs', 'log.level']);

    replace(section(upstreams[0], '  drainMs: 9\n'));
    gateway.child.kill('SIGHUP');
    await until('the file is read again', async () => (await status()).version === version + 2, patientMs);
    assert.equal(await ask(), '0');
  });

  testChanges();

  test('pages of browsers cannot make the gateway read its configuration', async () => {
    const headers = { origin: 'https://evil.example' };
    const answer = await fetch(`http://127.0.0.1:${ports.admin}/reload`, { method: 'POST', headers });
    assert.equal(answer.status, 403);
  });
});

describe('with two workers', () => {
  share(2);
  testChanges();

  test('a worker that starts while the file is rubbish takes what is in force', async () => {
    replace(section(upstreams[1]));
    assert.equal((await reload()).status, 200);
    replace('rubbish');
    const [victim = 0, survivor = 0] = workerPids(gateway);
    process.kill(victim, 'SIGKILL');
    await until(
      'there is another',
      () => workerPids(gateway).some((pid) => pid !== victim && pid !== survivor),
      patientMs,
    );
    process.kill(survivor, 'SIGKILL');
    await until('the new one answers', async () => (await ask(new Agent()).catch(() => '')) === '1', patientMs);
  });
});
