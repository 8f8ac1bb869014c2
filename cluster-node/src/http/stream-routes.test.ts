import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type ClientRequest, get, type IncomingMessage } from 'node:http';
import test from 'node:test';
import { parseEventStream, type ServerSentEvent } from '@grapevine/shared/cluster-client/event-stream.ts';
import { encodeToken } from '@grapevine/shared/contracts/consistency-token.ts';
import { limits } from '@grapevine/shared/contracts/limits.ts';
import { type Message, messageSchema } from '@grapevine/shared/contracts/node-api.ts';
import { codeOf, TestNode, until, vouched } from '@grapevine/test/fixtures/node-http.ts';

/** One reader of a node's stream, as slow as the test wants. */
class Reader {
  readonly request: ClientRequest;
  readonly response: IncomingMessage;
  readonly #events: AsyncGenerator<ServerSentEvent, void>;

  private constructor(request: ClientRequest, response: IncomingMessage) {
    this.request = request;
    this.response = response;
    this.#events = parseEventStream(response);
  }

  static async open(node: TestNode, query = ''): Promise<Reader> {
    const request = get(`${node.url}/v1/stream?${query}`, { headers: vouched(['messages:read']), agent: false });
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    return new Reader(request, response);
  }

  async next(): Promise<{ readonly token: string; readonly message: Message }> {
    const { value } = await this.#events.next();
    assert.ok(value !== undefined, 'the stream ended');
    assert.equal(value.event, 'message');
    return { token: value.id, message: messageSchema.parse(JSON.parse(value.data)) };
  }

  async bodies(count: number): Promise<string[]> {
    const bodies: string[] = [];
    while (bodies.length < count) bodies.push((await this.next()).message.body);
    return bodies;
  }

  /** Whether the server ended the stream properly. */
  async end(): Promise<boolean> {
    const { done } = await this.#events.next();
    return done === true;
  }

  close(): void {
    this.request.destroy();
  }
}

async function streamsOf(node: TestNode): Promise<number> {
  const { text } = await node.send('/metrics', {});
  return Number(/^grapevine_node_streams\{.*\} (\d+)$/m.exec(text)?.[1]);
}

/** Waits until `value` stays the same for fifty turns of the event loop, which it never does when somebody polls. */
async function settled(value: () => number): Promise<void> {
  let last = value();
  let turns = 0;
  await until(() => {
    turns = value() === last ? turns + 1 : 0;
    last = value();
    return turns === 50;
  });
}

const draft = (body: string, topic = 't') => ({ topic, body });

test('starts at the present, and brings what is committed, with its headers', async () => {
  await using node = await TestNode.start();
  await node.publish({ messages: [draft('before')] });
  const reader = await Reader.open(node);
  assert.equal(reader.response.headers['content-type'], 'text/event-stream');
  assert.equal(reader.response.headers['x-accel-buffering'], 'no');
  assert.equal(reader.response.headers['cache-control'], 'no-store');
  await node.publish({ messages: [draft('one'), draft('two')] });
  assert.deepEqual(await reader.bodies(2), ['one', 'two']);
  reader.close();
});

test('resumes after any event, at any node, with nothing lost or repeated', async () => {
  await using a = await TestNode.start('node-a');
  await using b = await TestNode.start('node-b');
  await b.publish({ messages: [draft('b0'), draft('b1')] });
  await a.publish({ messages: Array.from({ length: 100 }, (_, i) => draft(`a${i}`)) });
  a.service.replicateTo(b.service);
  b.service.replicateTo(a.service);
  const everything = [...Array.from({ length: 100 }, (_, i) => `a${i}`), 'b0', 'b1'].sort();
  for (const at of [1, 31, 32, 33, 101]) {
    const first = await Reader.open(a, `since=${encodeToken(new Map())}`);
    const seen: string[] = [];
    let token = '';
    while (seen.length < at) {
      const event = await first.next();
      seen.push(event.message.body);
      token = event.token;
    }
    first.close();
    const second = await Reader.open(b, `since=${token}`);
    seen.push(...(await second.bodies(everything.length - at)));
    second.close();
    assert.deepEqual(seen.sort(), everything, `after event ${at}`);
  }
});

test('a reader that saw nothing yet can resume, too', async () => {
  await using node = await TestNode.start();
  await node.publish({ messages: [draft('before')] });
  const reader = await Reader.open(node);
  const [chunk] = (await once(reader.response, 'data')) as [Buffer];
  assert.equal(chunk.toString(), `: open\nid: ${node.service.replica.token()}\n\n`);
  reader.close();
});

test('brings one topic when asked, and tokens that cover what was skipped', async () => {
  await using node = await TestNode.start();
  const reader = await Reader.open(node, 'topic=wanted');
  await node.publish({
    messages: [draft('1', 'other'), draft('2', 'wanted'), draft('3', 'other'), draft('4', 'wanted')],
  });
  const [first, second] = [await reader.next(), await reader.next()];
  assert.deepEqual([first.message.body, second.message.body], ['2', '4']);
  assert.equal(first.token, encodeToken(new Map([[node.service.origin, 2]])));
  assert.equal(second.token, encodeToken(new Map([[node.service.origin, 4]])));
  reader.close();
});

test('a reader that goes away leaves nothing behind', async () => {
  await using node = await TestNode.start();
  const readers = await Promise.all(Array.from({ length: 5 }, () => Reader.open(node)));
  assert.equal(await streamsOf(node), 5);
  for (const reader of readers) reader.close();
  await until(async () => (await streamsOf(node)) === 0);
  const head = await node.send('/v1/stream', { method: 'HEAD', headers: vouched() });
  assert.equal(head.status, 200);
  await until(async () => (await streamsOf(node)) === 0);
  assert.equal(node.service.listeners, 1, 'one listener for all streams together');
});

test('readers at the same place share one read', async () => {
  await using node = await TestNode.start();
  const readers = await Promise.all(Array.from({ length: 20 }, () => Reader.open(node)));
  await node.publish({ messages: [draft('warm')] });
  for (const reader of readers) await reader.next();
  const before = node.service.sinceReads;
  await node.publish({ messages: [draft('hot')] });
  for (const reader of readers) assert.deepEqual(await reader.bodies(1), ['hot']);
  assert.equal(node.service.sinceReads - before, 1);
  for (const reader of readers) reader.close();
});

test('a slow reader loses nothing, costs little, and does not hold up others', async () => {
  await using node = await TestNode.start();
  const slow = await Reader.open(node);
  const body = 'x'.repeat(limits.messageBodyBytes);
  const total = 64;
  for (let i = 0; i < total; i++) await node.publish({ messages: [draft(body)] });
  const quick = await Reader.open(node);
  await node.publish({ messages: [draft('last')] });
  assert.deepEqual(await quick.bodies(1), ['last'], 'while the slow one has 16 MiB before it');
  await settled(() => node.service.sinceReads);
  const bodies = await slow.bodies(total + 1);
  assert.deepEqual([bodies[0] === body, bodies[total - 1] === body, bodies[total]], [true, true, 'last']);
  slow.close();
  quick.close();
});

test('the server ends its streams when it stops', async () => {
  const node = await TestNode.start();
  const reader = await Reader.open(node);
  const stopping = node.stop();
  assert.ok(await reader.end());
  await stopping;
  assert.equal(node.service.listeners, 0);
});

test('refuses wrong tokens and topics before a stream begins', async () => {
  await using node = await TestNode.start();
  for (const [query, code] of [
    ['since=x', 'INVALID_CURSOR'],
    ['topic=a%20b', 'INVALID_TOPIC'],
    ['from=1', 'INVALID_ARGUMENT'],
  ] as const) {
    const answer = await node.get(`/v1/stream?${query}`);
    assert.deepEqual([answer.status, codeOf(answer)], [400, code], query);
  }
  assert.equal(await streamsOf(node), 0);
});
