import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { SeededRandom } from '@grapevine/shared/random.ts';
import { checkMessages } from './check-cluster.ts';
import { closedLoop } from './closed-loop.ts';
import type { Exchange, Outcome } from './exchange.ts';
import { openLoop } from './open-loop.ts';
import { Published } from './published.ts';

async function serve(listener: RequestListener) {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

const exchange: Exchange = {
  name: 'any',
  method: 'GET',
  path: '/',
  headers: {},
  judge: (status) => (status === 200 ? undefined : `HTTP_${status}`),
};
const never = new AbortController().signal;

test('an open loop sends what is due while nothing is answered, and its latencies hold the wait', async () => {
  const held: (() => void)[] = [];
  const arrivedMs: number[] = [];
  let releasedMs = 0;
  await using server = await serve((_request, response) => {
    arrivedMs.push(performance.now());
    held.push(() => response.end('ok'));
    // Who waits for an answer before the next request never gets here.
    if (held.length < 20) return;
    releasedMs ||= performance.now();
    for (const release of held) release();
  });
  const outcomes: Outcome[] = [];
  const loop = openLoop({
    url: server.url,
    rate: 200,
    seconds: 0.5,
    random: new SeededRandom(1),
    onLateness: () => {},
  });
  await loop(
    () => exchange,
    (outcome) => outcomes.push(outcome),
    never,
  );
  assert.ok(outcomes.length > 20);
  assert.ok(outcomes.every(({ failure }) => failure === undefined));
  const longest = Math.max(...outcomes.map(({ latencyMs }) => latencyMs));
  assert.ok(longest >= releasedMs - (arrivedMs[0] ?? 0));
});

test('a closed loop asks again when it has its answer, and tells what went wrong', async () => {
  let number = 0;
  await using server = await serve((request, response) => {
    number++;
    if (number % 3 === 0) response.writeHead(503);
    if (number % 5 === 0) request.socket.destroy();
    else response.end('ok');
  });
  const stop = new AbortController();
  const outcomes: Outcome[] = [];
  const loop = closedLoop({ url: server.url, connections: 2, seconds: 60 });
  await loop(
    () => exchange,
    (outcome) => {
      outcomes.push(outcome);
      if (outcomes.length === 100) stop.abort();
    },
    stop.signal,
  );
  const codes = new Set(outcomes.map(({ failure }) => failure));
  assert.deepEqual(codes, new Set([undefined, 'HTTP_503', 'CONNECTION_LOST']));
});

test('an answer that cannot be read, and a server that is away, are failures', async () => {
  const outcomes: Outcome[] = [];
  const keep = (outcome: Outcome) => void outcomes.push(outcome);
  const short = { rate: 50, seconds: 0.1, random: new SeededRandom(2), onLateness: () => {} };
  const unreadable = { ...exchange, judge: () => JSON.parse('{') };
  let url: string;
  {
    await using server = await serve((_request, response) => response.end('ok'));
    ({ url } = server);
    await openLoop({ url, ...short })(() => unreadable, keep, never);
  }
  assert.deepEqual(new Set(outcomes.map(({ failure }) => failure)), new Set(['UNEXPECTED_ANSWER']));
  outcomes.length = 0;
  await openLoop({ url, ...short })(() => exchange, keep, never);
  assert.deepEqual(new Set(outcomes.map(({ failure }) => failure)), new Set(['ECONNREFUSED']));
});

test('a target that hangs does not hold up the end: what has no answer by then has failed', async () => {
  await using server = await serve(() => {});
  const outcomes: Outcome[] = [];
  // More than there are connections, so that some have to wait for one.
  const options = { rate: 5_000, seconds: 0.2, drainMs: 1, random: new SeededRandom(3), onLateness: () => {} };
  const loop = openLoop({ url: server.url, ...options });
  await loop(
    () => exchange,
    (outcome) => outcomes.push(outcome),
    never,
  );
  assert.ok(outcomes.length > 256);
  assert.ok(
    outcomes.every(({ failure }) => failure === 'NO_ANSWER'),
    `${outcomes[0]?.failure}`,
  );
});

test('messages that cannot be read back are a failed check, not the end of the report', async () => {
  const body = JSON.stringify({ code: 'OVERLOADED', status: 503, detail: 'Too much.' });
  await using server = await serve((_request, response) => response.writeHead(503).end(body));
  const published = new Published();
  published.acknowledge('load/1', 'load/1/1');
  const checks = await checkMessages(server.url, 'token', published, 500);
  assert.deepEqual(
    checks.map(({ passed, found }) => [passed, found]),
    Array.from({ length: 2 }, () => [false, 'cannot be read back: 503 OVERLOADED: Too much.']),
  );
});
