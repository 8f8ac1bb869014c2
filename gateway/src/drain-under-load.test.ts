import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, request as httpRequest } from 'node:http';
import { test } from 'node:test';
import { echoWebSocket } from './testing/echo-websockets.ts';
import { readyPorts, startWorkers } from './testing/gateway-process.ts';
import { startRecordingUpstream } from './testing/recording-upstream.ts';
import { signWithHmac, until } from './testing/running-gateway.ts';

const patientMs = 60_000;
/** 500 requests a second: five every ten milliseconds, however long their answers take. */
const everyMs = 10;
const atOnce = 5;
/** How long the upstream takes, so that there are always some in flight. */
const answerMs = 30;
const streamCount = 5;

interface Counts {
  sent: number;
  answered: number;
  /** Answers that told the client to take another connection. */
  told: number;
  /** Failures on a connection that had carried an answer before. */
  brokenReused: number;
  brokenFresh: number;
}

for (const workers of [1, 2]) {
  test(`SIGTERM under load loses nothing that was taken, with ${workers} process(es)`, async () => {
    const upstream = await startRecordingUpstream();
    upstream.upgradeWith(echoWebSocket);
    upstream.answerWith((request, response) => {
      if (request.url === '/web/events')
        response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
      else request.resume().once('end', () => setTimeout(() => response.end('whole'), answerMs));
    });
    const unlimited = JSON.stringify({ perSecond: 1_000_000, burst: 1_000_000 });
    const gateway = await startWorkers(workers, {
      GRAPEVINE_GATEWAY__UPSTREAMS__WEB: JSON.stringify([upstream.url]),
      GRAPEVINE_GATEWAY__RATE_LIMIT__PRINCIPAL: unlimited,
      GRAPEVINE_GATEWAY__RATE_LIMIT__ADDRESS: unlimited,
    });
    const { http } = await readyPorts(gateway);
    const authorization = `Bearer ${await signWithHmac('alice')}`;
    const url = `http://127.0.0.1:${http}`;
    const streams = await Promise.all(
      Array.from({ length: streamCount }, () => fetch(`${url}/web/events`, { headers: { authorization } })),
    );
    // Node's WebSocket takes headers, which the type of the browser's does not know.
    const options = { headers: { authorization } } as unknown as string[];
    const sockets = Array.from({ length: streamCount }, () => new WebSocket(`ws://127.0.0.1:${http}/web/x`, options));
    await Promise.all(sockets.map((socket) => once(socket, 'open')));
    const closes = sockets.map((socket) => once(socket, 'close') as Promise<[CloseEvent]>);

    const counts: Counts = { sent: 0, answered: 0, told: 0, brokenReused: 0, brokenFresh: 0 };
    const agent = new Agent({ keepAlive: true });
    let pending = 0;
    const send = (): void => {
      counts.sent++;
      pending++;
      const headers = { authorization, 'content-type': 'text/plain' };
      // A publish: repeating it would not be safe, so each that the upstream saw must have got its answer.
      const outgoing = httpRequest(`${url}/web/x`, { method: 'POST', agent, headers }, (answer) => {
        let body = '';
        answer.on('data', (chunk) => {
          body += String(chunk);
        });
        answer.once('close', () => {
          if (answer.statusCode === 200 && body === 'whole') counts.answered++;
          if (answer.headers.connection === 'close') counts.told++;
        });
      });
      outgoing.once('error', () => {
        if (outgoing.reusedSocket) counts.brokenReused++;
        else counts.brokenFresh++;
      });
      outgoing.once('close', () => pending--);
      outgoing.end('a message');
    };
    const load = setInterval(() => {
      for (let count = 0; count < atOnce; count++) send();
    }, everyMs);
    await until('the load flows', () => counts.answered > 500, patientMs);

    gateway.child.kill('SIGTERM');
    const ended = await gateway.exit;
    clearInterval(load);
    await until('every request has ended', () => pending === 0, patientMs);
    agent.destroy();
    await upstream.stop();

    assert.deepEqual(ended, { code: 0, signal: null });
    const taken = upstream.received.filter(({ method }) => method === 'POST').length;
    assert.equal(counts.answered, taken, `${JSON.stringify(counts)}: each request that was passed on got its answer`);
    assert.equal(counts.brokenReused, 0, `${JSON.stringify(counts)}: clients were told before their connection closed`);
    assert.ok(counts.told > 0, `${JSON.stringify(counts)}: clients are told to take another connection`);
    assert.equal(counts.sent, counts.answered + counts.brokenFresh);
    for (const stream of streams) assert.equal(await stream.text(), ': the server goes away\n\n');
    for (const close of closes) assert.equal((await close)[0].code, 1001);
    assert.equal(gateway.errors(), '');
  });
}
