import assert from 'node:assert/strict';
import { once } from 'node:events';
import { get, IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import test from 'node:test';
import { parseEventStream } from '@grapevine/shared/cluster-client/event-stream.ts';
import { decodeToken } from '@grapevine/shared/contracts/consistency-token.ts';
import { type ChangesEvent, changesEventSchema } from '@grapevine/shared/contracts/node-api.ts';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { MemoryNode } from '@grapevine/test/fixtures/memory-node.ts';
import { codeOf, TestNode, until, vouched } from '@grapevine/test/fixtures/node-http.ts';
import { ChangeHub } from './change-hub.ts';

async function follow(node: TestNode): Promise<{ next(): Promise<ChangesEvent>; leave(): void }> {
  const request = get(`${node.url}/v1/changes`, { headers: vouched(['messages:read']), agent: false });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const events = parseEventStream(response);
  return {
    async next() {
      const { value } = await events.next();
      assert.ok(value !== undefined, 'the stream ended');
      assert.equal(value.event, 'changes');
      return changesEventSchema.parse(JSON.parse(value.data));
    },
    leave: () => request.destroy(),
  };
}

async function followersOf(node: TestNode): Promise<number> {
  const { text } = await node.send('/metrics', {});
  return Number(/^grapevine_node_change_followers\{.*\} (\d+)$/m.exec(text)?.[1]);
}

test('begins with the present, then names each topic that changes with its new digest', async () => {
  await using node = await TestNode.start();
  const before = await node.publish({ messages: [{ topic: 'old', body: '1' }] });
  const follower = await follow(node);
  assert.deepEqual(await follower.next(), { token: before.token, topics: [] });
  const { token } = await node.publish({ messages: [{ topic: 'new', body: '2' }] });
  const change = await follower.next();
  assert.equal(change.token, token);
  const [topic] = change.topics;
  assert.deepEqual(change.topics.length, 1);
  assert.equal(topic?.name, 'new');
  assert.equal(topic?.digest, node.service.views.topic('new')?.digest);
  follower.leave();
  await until(async () => (await followersOf(node)) === 0);
});

test('what changes in quick succession comes as few events, the last of which covers all', async () => {
  await using node = await TestNode.start();
  const follower = await follow(node);
  await follower.next();
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, i) => node.publish({ messages: [{ topic: `t${i % 3}`, body: String(i) }] })),
  );
  const latest = new Map<string, string>();
  const final = decodeToken(
    answers
      .map(({ token }) => token)
      .sort()
      .at(-1) ?? '',
  );
  let size = 0;
  while (size < (final.get(node.service.origin) ?? 0)) {
    const { token, topics } = await follower.next();
    size = decodeToken(token).get(node.service.origin) ?? 0;
    for (const { name, digest } of topics) latest.set(name, digest);
  }
  for (const name of ['t0', 't1', 't2']) assert.equal(latest.get(name), node.service.views.topic(name)?.digest);
  follower.leave();
});

test('is for readers only, and has no options', async () => {
  await using node = await TestNode.start();
  const refused = await node.get('/v1/changes', vouched(['messages:write']));
  assert.deepEqual([refused.status, codeOf(refused)], [403, 'FORBIDDEN']);
  const odd = await node.get('/v1/changes?since=x');
  assert.deepEqual([odd.status, codeOf(odd)], [400, 'INVALID_ARGUMENT']);
  assert.equal((await node.send('/v1/changes', { method: 'HEAD', headers: vouched() })).status, 200);
});

test('ends its streams when the node stops, so that followers go on elsewhere', async () => {
  const node = await TestNode.start();
  const follower = await follow(node);
  await follower.next();
  await node.stop();
  await assert.rejects(follower.next(), /the stream ended/);
});

test('has a bound on followers, and lets go of those that left', async (t) => {
  const hub = new ChangeHub(new MemoryNode('node-1').views);
  t.after(() => hub.close());
  const unconnected = (): ServerResponse => new ServerResponse(new IncomingMessage(new Socket()));
  const responses = Array.from({ length: 256 }, unconnected);
  for (const response of responses) hub.open(response);
  assert.throws(
    () => hub.open(unconnected()),
    (error) => error instanceof GrapevineError && error.code === 'OVERLOADED' && error.retryAfterSeconds === 1,
  );
  responses[0]?.destroy();
  await until(() => hub.size === 255);
  hub.open(unconnected());
});

test('a follower that does not read is cut off instead of buffered for', async (t) => {
  const node = new MemoryNode('node-1');
  const hub = new ChangeHub(node.views);
  t.after(() => hub.close());
  const stuck = new ServerResponse(new IncomingMessage(new Socket()));
  hub.open(stuck);
  stuck.write('x'.repeat(2 * 1024 * 1024));
  const closed = once(stuck, 'close');
  await node.publish('ann', {
    messages: [{ topic: 't', body: '1', contentType: 'text/plain', headers: {} }],
    acks: 1,
    timeoutMs: 0,
  });
  await closed;
  assert.equal(hub.size, 0);
});
