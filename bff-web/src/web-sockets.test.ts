import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Client, createClient } from 'graphql-ws';
import { WebSocket } from 'ws';
import { startWeb, type WebUnderTest } from './web.fixture.ts';

let web: WebUnderTest;
before(async () => {
  web = await startWeb();
});
after(() => web.stop());

const addressOf = (at: WebUnderTest): string => `${at.url.replace('http', 'ws')}/web/graphql`;

/** The client that applications use, with the header that the gateway adds. */
function client(at: WebUnderTest, scopes?: Parameters<WebUnderTest['identity']>[0]): Client {
  class Vouched extends WebSocket {
    constructor(address: string, protocols: string | string[]) {
      super(address, protocols, { headers: at.identity(scopes) });
    }
  }
  return createClient({
    url: addressOf(at),
    webSocketImpl: Vouched,
    retryAttempts: 0,
    onNonLazyError: () => undefined,
  });
}

interface Added {
  readonly messageAdded: { readonly message: { readonly body: string }; readonly consistencyToken: string };
}

function added(from: Client, since?: string): AsyncIterableIterator<{ data?: Added | null | undefined }> {
  const query =
    'subscription ($since: String) { messageAdded(topic: "live", since: $since) { message { body } consistencyToken } }';
  return from.iterate<Added>({ query, variables: { since } });
}

async function publish(body: string, at: WebUnderTest = web): Promise<void> {
  const document = 'mutation ($b: String!) { publish(input: { topic: "live", body: $b }) { heldBy } }';
  assert.deepEqual((await at.graph(document, { b: body })).errors, []);
}

const openStreams = (at: WebUnderTest = web): number =>
  at.cluster.nodes.reduce((sum, node) => sum + node.openStreams, 0);

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error('The condition did not come true within 30 seconds.');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

test('messages arrive as they are published, a token resumes, and leaving ends the stream in the node', async () => {
  const first = client(web);
  const events = added(first);
  const one = events.next();
  await until(() => openStreams() === 1);
  await publish('one');
  const { messageAdded } = (await one).value?.data ?? assert.fail('no data');
  assert.equal(messageAdded.message.body, 'one');
  await first.dispose();
  await until(() => openStreams() === 0);
  await publish('two');
  await publish('three');
  const second = client(web);
  const rest = added(second, messageAdded.consistencyToken);
  const bodies = [await rest.next(), await rest.next()].map(({ value }) => value?.data?.messageAdded.message.body);
  // In the order of their arrival, if two nodes took them.
  assert.deepEqual(bodies.sort(), ['three', 'two']);
  // Only this subscription ends; the connection stays for others.
  const other = added(second);
  const waiting = other.next();
  await until(() => openStreams() === 2);
  await rest.return?.();
  await until(() => openStreams() === 1);
  await publish('four');
  assert.equal((await waiting).value?.data?.messageAdded.message.body, 'four');
  await second.dispose();
  await until(() => openStreams() === 0);
});

test('a connection that is cut while nothing happens ends the stream in the node', async () => {
  const socket = await open();
  socket.send(
    '{"type":"subscribe","id":"1","payload":{"query":"subscription { messageAdded(topic: \\"q\\") { consistencyToken } }"}}',
  );
  await until(() => openStreams() === 1);
  socket.terminate();
  await until(() => openStreams() === 0);
});

test('what cannot be subscribed to is an error with a code, and the connection stays', async () => {
  const some = client(web, { scopes: ['messages:read'] });
  const refused: readonly (readonly [string, string])[] = [
    ['{ topics { edges { cursor } } }', 'BAD_REQUEST'],
    ['mutation { publish(input: { topic: "t", body: "x" }) { heldBy } }', 'BAD_REQUEST'],
    ['subscription {', 'GRAPHQL_PARSE_FAILED'],
    ['subscription { nothing }', 'GRAPHQL_VALIDATION_FAILED'],
    ['subscription { messageAdded(topic: "a b") { consistencyToken } }', 'INVALID_TOPIC'],
    ['subscription { messageAdded(topic: "t", since: "x") { consistencyToken } }', 'INVALID_CURSOR'],
    ['subscription { clusterChanged { nodes { name } } }', 'FORBIDDEN'],
  ];
  for (const [query, code] of refused) assert.equal(await codeOf(some, query), code, query);
  await some.dispose();
});

/** The code of the error that answers `query`, as an error message or as the errors of a result. */
async function codeOf(from: Client, query: string): Promise<unknown> {
  try {
    const { value } = await from.iterate({ query }).next();
    return value?.errors?.[0]?.extensions?.['code'];
  } catch (errors) {
    assert.ok(Array.isArray(errors), String(errors));
    return errors[0].extensions.code;
  }
}

test('nobody connects without an identity that the gateway signed, nor elsewhere', async () => {
  assert.equal(await statusOf(addressOf(web), {}), 401);
  assert.equal(await statusOf(addressOf(web), { 'grapevine-identity': 'v1.e30.e30' }), 401);
  assert.equal(await statusOf(`${web.url.replace('http', 'ws')}/console`, web.identity()), 404);
});

test('bytes that are none of the protocol close the connection and do no harm', async () => {
  const unfit = ['nonsense', '{}', '{"type":"subscribe"}', '{"type":"subscribe","id":"1","payload":{"query":5}}', '[]'];
  for (const text of unfit) {
    const socket = await open();
    socket.send(text);
    assert.equal(await closeCode(socket), 4400, text);
  }
  const flooding = await open();
  for (let i = 0; i < 1_000; i++) flooding.send('{"type":"ping"}');
  assert.equal(await closeCode(flooding), 1013);
  const crowded = await open();
  for (let i = 0; i < 150; i++) {
    crowded.send(
      `{"type":"subscribe","id":"${i}","payload":{"query":"subscription { messageAdded(topic: \\"q\\") { consistencyToken } }"}}`,
    );
  }
  assert.equal(await closeCode(crowded), 4400);
  await until(() => openStreams() === 0);
  const large = await open();
  large.send('x'.repeat(3_000_000));
  assert.equal(await closeCode(large), 1009);
});

test('a client that takes nothing is cut with a reason, holds nothing meanwhile, and goes on by token', async () => {
  const own = await startWeb(1, { slowReaderMs: 200 });
  try {
    const socket = await open(own);
    const received: string[] = [];
    socket.on('message', (data) => received.push(String(data)));
    socket.send(
      '{"type":"subscribe","id":"1","payload":{"query":"subscription { messageAdded(topic: \\"live\\") { message { body } consistencyToken } }"}}',
    );
    await until(() => openStreams(own) === 1);
    socket.pause();
    const large = 'x'.repeat(200_000);
    const count = 60;
    for (let i = 0; i < count; i++) await publish(`${i} ${large}`, own);
    // More than all buffers on the way hold: the BFF waits for the client, and then no longer.
    await until(() => openStreams(own) === 0);
    socket.resume();
    await until(() => received.some((text) => text.includes('SLOW_READER')) || socket.readyState === WebSocket.CLOSED);
    const events = received.flatMap((text) => {
      const { payload } = JSON.parse(text) as { payload?: { data?: Added | null } };
      return payload?.data == null ? [] : [payload.data.messageAdded];
    });
    assert.ok(events.length < count);
    const next = client(own);
    const rest = added(next, events.at(-1)?.consistencyToken);
    for (let i = events.length; i < count; i++) {
      const { value } = await rest.next();
      assert.ok(value?.data?.messageAdded.message.body.startsWith(`${i} `), `message ${i}`);
    }
    await next.dispose();
  } finally {
    await own.stop();
  }
});

test('a stop sends clients away, to come back elsewhere', async () => {
  const own = await startWeb(1);
  const socket = await open(own);
  const code = closeCode(socket);
  await own.stop();
  assert.equal(await code, 1001);
});

/** A bare connection in the protocol, acknowledged. */
async function open(at: WebUnderTest = web): Promise<WebSocket> {
  const socket = new WebSocket(addressOf(at), 'graphql-transport-ws', { headers: at.identity() });
  socket.once('open', () => socket.send('{"type":"connection_init"}'));
  await new Promise((resolve, reject) => socket.once('message', resolve).once('error', reject));
  return socket;
}

function closeCode(socket: WebSocket): Promise<number> {
  socket.on('error', () => undefined);
  return new Promise((resolve) => socket.once('close', resolve));
}

function statusOf(address: string, headers: Record<string, string>): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(address, 'graphql-transport-ws', { headers });
    socket.once('unexpected-response', (request, response) => {
      request.destroy();
      resolve(response.statusCode);
    });
    socket.once('open', () => reject(new Error('It was opened.')));
    socket.on('error', () => undefined);
  });
}
