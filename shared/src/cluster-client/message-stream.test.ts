import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GrapevineError } from '../errors/grapevine-error.ts';
import { ada, clientFor, startClient, startScriptedNode, until } from './cluster-client.fixture.ts';
import type { ClusterClient } from './cluster-client.ts';
import type { MessageEvent } from './message-stream.ts';

async function publish(client: ClusterClient, ...bodies: string[]): Promise<void> {
  await client.publish(ada, { messages: bodies.map((body) => ({ topic: 't', body })) });
}

/** The bodies of the next `count` messages. */
async function take(stream: AsyncIterator<MessageEvent>, count: number): Promise<string[]> {
  const bodies: string[] = [];
  while (bodies.length < count) {
    const { done, value } = await stream.next();
    if (done === true) break;
    bodies.push(value.message.body);
  }
  return bodies;
}

test('brings messages of its topic from the present on, and ends down to the node when left', async () => {
  await using under = await startClient();
  const { client, cluster } = under;
  const open = (): number => cluster.nodes.reduce((sum, node) => sum + node.openStreams, 0);
  await publish(client, 'before');
  const stream = client.stream(ada, { topic: 't' });
  const first = stream.next();
  await until(() => open() === 1);
  await client.publish(ada, { messages: [{ topic: 'other', body: 'no' }] });
  await publish(client, 'one', 'two');
  assert.equal((await first).value?.message.body, 'one');
  assert.deepEqual(await take(stream, 1), ['two']);
  const waiting = stream.next();
  await stream.return(undefined);
  assert.equal((await waiting).done, true, 'a wait for the next message ends as well');
  await until(() => open() === 0);
});

test('goes on after a token, without gap or repetition', async () => {
  await using under = await startClient();
  const { client } = under;
  await publish(client, 'one', 'two', 'three');
  const { token } = await client.sync(ada, { limit: 1 });
  const stream = client.stream(ada, { since: token });
  assert.deepEqual(await take(stream, 2), ['two', 'three']);
  await stream.return(undefined);
});

test('goes on at another node when the one that serves it dies', async () => {
  await using under = await startClient();
  const { client, cluster } = under;
  const stream = client.stream(ada, { topic: 't' });
  const received: string[] = [];
  const expected: string[] = [];
  let next = stream.next();
  for (let round = 0; round < 3; round++) {
    await until(() => cluster.nodes.some((node) => node.openStreams === 1));
    const body = `message ${round}`;
    expected.push(body);
    await publish(client, body);
    received.push(String((await next).value?.message.body));
    next = stream.next();
    if (round === 2) break;
    // What is published while no node serves the stream must arrive as well.
    const serving = cluster.nodes.find((node) => node.openStreams === 1);
    assert.ok(serving !== undefined);
    await serving.stop();
    expected.push(`between ${round}`);
    await publish(client, `between ${round}`);
    received.push(String((await next).value?.message.body));
    next = stream.next();
  }
  await stream.return(undefined);
  await next;
  assert.deepEqual(received, expected);
});

test('ends without an error when the caller’s signal is aborted', async () => {
  await using under = await startClient(1);
  const gone = new AbortController();
  const stream = under.client.stream({ ...ada, signal: gone.signal }, { topic: 't' });
  const waiting = stream.next();
  await until(() => under.cluster.nodes[0]?.openStreams === 1);
  gone.abort();
  assert.equal((await waiting).done, true);
  await until(() => under.cluster.nodes[0]?.openStreams === 0);
});

test('throws what a node refuses', async () => {
  await using under = await startClient(1);
  const stranger = { identity: { subject: 'eve', scopes: [] } };
  await assert.rejects(under.client.stream(stranger, { topic: 't' }).next(), (error) => {
    return error instanceof GrapevineError && error.code === 'FORBIDDEN';
  });
});

test('throws UNAVAILABLE when nothing can be opened for the whole time', async () => {
  const client = clientFor(['http://127.0.0.1:9'], 300);
  await assert.rejects(client.stream(ada, { topic: 't', since: 'AQAA' }).next(), (error) => {
    return error instanceof GrapevineError && error.code === 'UNAVAILABLE' && error.retryAfterSeconds === 1;
  });
  await client.stop();
});

test('a node that ends every stream at once is not called in a tight loop', async () => {
  await using node = await startScriptedNode((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).end();
  });
  const client = clientFor([node.url]);
  const stream = client.stream(ada, { topic: 't', since: 'AQAA' });
  const waiting = stream.next();
  await until(() => node.asked.length >= 3);
  const startedMs = performance.now();
  await until(() => node.asked.length >= 6);
  assert.ok(performance.now() - startedMs > 150, 'three more attempts take their pauses');
  await stream.return(undefined);
  await waiting;
  await client.stop();
});

test('events that do not fit the contract end the connection, not the stream', async () => {
  await using under = await startClient(1);
  await using odd = await startScriptedNode((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write('id: AQAA\ndata: {"not":"a message"}\n\n');
  }, under.cluster.seeds);
  await publish(under.client, 'one');
  const client = clientFor([odd.url]);
  const stream = client.stream(ada, { since: 'AQAA' });
  assert.deepEqual(await take(stream, 1), ['one']);
  await stream.return(undefined);
  await client.stop();
});
