import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../clock.ts';
import { encodeToken } from '../contracts/consistency-token.ts';
import type { ErrorCode } from '../errors/catalogue.ts';
import { GrapevineError } from '../errors/grapevine-error.ts';
import { ada, clientFor, startClient, startScriptedNode } from './cluster-client.fixture.ts';

const draft = { topic: 't', body: 'hello' };
const withCode = (code: ErrorCode) => (error: unknown) => error instanceof GrapevineError && error.code === code;
const none = { items: [], next: null, token: encodeToken(new Map()) };
const empty = JSON.stringify(none);

test('publishes and reads back by topic, page, id and proof', async () => {
  await using under = await startClient();
  const { client } = under;
  const { results, token, acknowledged } = await client.publish(ada, { messages: [draft, draft], acks: 3 });
  assert.equal(acknowledged, true);
  assert.deepEqual(
    (await client.topics(ada, { limit: 10 })).items.map(({ name }) => name),
    ['t'],
  );
  assert.equal((await client.topic(ada, 't', token))?.count, 2);
  const page = await client.messages(ada, 't', { limit: 1, direction: 'backward', consistency: token });
  assert.equal(page.items[0]?.id, results[1]?.id);
  assert.equal(page.hasPrevious, true);
  const id = String(results[0]?.id);
  assert.equal((await client.message(ada, id))?.author, 'ada');
  assert.equal((await client.proof(ada, id))?.head.size, 2);
  assert.equal((await client.sync(ada, { limit: 10 })).items.length, 2);
});

test('what does not exist is undefined; what a node refuses is its refusal', async () => {
  await using under = await startClient();
  const { client } = under;
  assert.equal(await client.topic(ada, 'none'), undefined);
  assert.equal(await client.message(ada, 'f'.repeat(64)), undefined);
  assert.equal(await client.proof(ada, 'f'.repeat(64)), undefined);
  await assert.rejects(client.topic(ada, 'not allowed'), withCode('INVALID_TOPIC'));
  const reader = { identity: { subject: 'bob', scopes: ['messages:read' as const] } };
  await assert.rejects(client.publish(reader, { messages: [draft] }), withCode('FORBIDDEN'));
});

test('passes the caller and the request id on, and asks for membership as itself', async () => {
  await using under = await startClient(1);
  await under.client.topics({ ...ada, requestId: 'r-1' }, { limit: 1 });
  const seen = under.cluster.nodes[0]?.requests.map(({ caller, requestId, url }) => [url, caller.subject, requestId]);
  assert.deepEqual(seen, [
    ['/v1/members', 'test', undefined],
    ['/v1/topics?limit=1', 'ada', 'r-1'],
  ]);
});

test('finds the other nodes through one seed, and goes on when that seed is gone', async () => {
  await using under = await startClient();
  const client = clientFor(under.cluster.seeds.slice(0, 1));
  await client.publish(ada, { messages: [draft] });
  await under.cluster.nodes[0]?.stop();
  for (let i = 0; i < 20; i++) assert.equal((await client.topic(ada, 't'))?.count, 1);
  for (let i = 0; i < 5; i++) await client.publish(ada, { messages: [draft] });
  await client.stop();
});

test('keeps the other nodes when one that has just started names only itself', async () => {
  await using under = await startClient();
  const { client, cluster } = under;
  await client.topics(ada, { limit: 1 });
  for (const node of cluster.nodes) {
    node.isAlone = true;
    node.requests.length = 0;
  }
  assert.equal(await client.reachable(), true);
  const wasCalled = ({ requests }: (typeof cluster.nodes)[number]): boolean =>
    requests.some(({ url }) => url.startsWith('/v1/topics'));
  // A node that was slow to answer is avoided for a while.
  const impatient = { ...ada, signal: AbortSignal.timeout(30_000) };
  while (!cluster.nodes.every(wasCalled)) await client.topics(impatient, { limit: 1 });
});

test('a node that failed a moment ago is not forgotten because one that has just started does not name it', async () => {
  await using under = await startClient();
  const { cluster } = under;
  const [first, second, third] = cluster.nodes;
  assert.ok(first !== undefined && second !== undefined && third !== undefined);
  let failures = 0;
  const client = clientFor([first.url], 2_000, ({ outcome }) => {
    if (outcome === 'failed') failures++;
  });
  await client.topics(ada, { limit: 1 });
  const port = Number(new URL(second.url).port);
  await second.stop();
  while (failures === 0) await client.topics(ada, { limit: 1 });
  first.isAlone = true;
  await third.stop();
  assert.equal(await client.reachable(), true);
  await second.start(port);
  await first.stop();
  assert.deepEqual(await client.topics(ada, { limit: 1 }), none);
  await client.stop();
});

test('tries once more when nobody could be reached', async () => {
  await using under = await startClient(1);
  const [node] = under.cluster.nodes;
  assert.ok(node !== undefined);
  const port = Number(new URL(node.url).port);
  await node.stop();
  let failures = 0;
  const refused = Promise.withResolvers<void>();
  const client = clientFor([node.url], 2_000, ({ outcome }) => {
    // The first was for the membership.
    if (outcome === 'failed' && ++failures === 2) refused.resolve();
  });
  const asked = client.topics(ada, { limit: 1 });
  await refused.promise;
  await node.start(port);
  assert.deepEqual(await asked, none);
  await client.stop();
});

test('spreads calls over the nodes', async () => {
  await using under = await startClient();
  await under.client.members(ada);
  await Promise.all(Array.from({ length: 60 }, () => under.client.topics(ada, { limit: 1 })));
  for (const { requests, name } of under.cluster.nodes) assert.ok(requests.length > 5, `${name}: ${requests.length}`);
});

test('leaves a node alone that catches up, unless there is nobody else', async () => {
  await using under = await startClient();
  const { nodes } = under.cluster;
  const last = nodes.at(-1);
  assert.ok(last !== undefined);
  const catchUp = { from: 'node-1', entries: 1, of: 9, bytesPerSecond: 1 };
  last.catchUp = catchUp;
  const client = clientFor(under.cluster.seeds);
  await client.reachable();
  const asked = (): number => last.requests.filter(({ url }) => url.startsWith('/v1/topics')).length;
  for (let i = 0; i < 30; i++) await client.topics(ada, { limit: 1 });
  assert.equal(asked(), 0);
  for (const node of nodes) node.catchUp = catchUp;
  await client.reachable();
  for (let i = 0; i < 30; i++) await client.topics(ada, { limit: 1 });
  assert.ok(asked() > 0, 'all of them catch up');
  await client.stop();
});

test('says UNAVAILABLE with a time to wait when no node can be reached', async () => {
  await using under = await startClient(2);
  await under.client.topics(ada, { limit: 1 });
  await under.cluster.stop();
  await assert.rejects(under.client.topics(ada, { limit: 1 }), (error) => {
    assert.ok(error instanceof GrapevineError);
    assert.equal(error.code, 'UNAVAILABLE');
    assert.equal(error.retryAfterSeconds, 1);
    assert.doesNotMatch(error.message, /127\.0\.0\.1/, 'internal addresses are not for clients');
    return true;
  });
  assert.equal(await under.client.reachable(), false);
});

test('a node that is behind a token is passed over for one that is not', async () => {
  await using under = await startClient();
  const { nodes } = under.cluster;
  for (const node of nodes.slice(1)) node.connected = false;
  const writer = clientFor(under.cluster.seeds.slice(0, 1));
  for (const node of nodes.slice(1)) node.state = 'dead';
  const { token } = await writer.publish(ada, { messages: [draft] });
  for (const node of nodes) node.state = 'alive';
  for (let i = 0; i < 10; i++) assert.equal((await under.client.topic(ada, 't', token))?.count, 1);
  await nodes[0]?.stop();
  await assert.rejects(under.client.topic(ada, 't', token), withCode('NOT_YET'));
  await writer.stop();
});

test('a message that one node does not hold yet is found at another', async () => {
  await using under = await startClient();
  const [first, ...others] = under.cluster.nodes;
  for (const node of others) node.state = 'dead';
  const { results } = await under.client.publish(ada, { messages: [draft] });
  const id = String(results[0]?.id);
  for (const node of others) node.state = 'alive';
  for (const node of under.cluster.nodes) {
    if (node === first) continue;
    node.replica.forge(String(results[0]?.origin), 0, 'other');
  }
  const client = clientFor(under.cluster.seeds);
  for (let i = 0; i < 10; i++) {
    const [found, missing] = await client.messagesByIds(ada, [id, 'e'.repeat(64)]);
    assert.ok(found !== undefined && 'body' in found);
    assert.equal(found.body, 'hello');
    assert.equal(missing, undefined);
    assert.equal((await client.proof(ada, id))?.id, id);
  }
  await client.stop();
});

test('a message that nobody else holds cannot be said not to exist while its node is away', async () => {
  await using under = await startClient();
  const [holder, ...others] = under.cluster.nodes;
  for (const node of others) {
    node.connected = false;
    node.state = 'dead';
  }
  const { results } = await under.client.publish(ada, { messages: [draft] });
  for (const node of others) node.state = 'alive';
  const client = clientFor(under.cluster.seeds);
  await client.reachable();
  await holder?.stop();
  await assert.rejects(client.message(ada, String(results[0]?.id)), (error) => {
    assert.ok(error instanceof GrapevineError);
    assert.equal(error.code, 'UNAVAILABLE');
    assert.match(error.message, /^Could not reach the other nodes, and those that answered do not have it\.$/);
    return true;
  });
  await client.stop();
});

test('a message that a token covers is found wherever it is, or not yet there', async () => {
  await using under = await startClient(4);
  const { client, cluster } = under;
  const [holder] = cluster.nodes;
  assert.ok(holder !== undefined);
  holder.connected = false;
  const published = holder.replica.publish('ada', { ...draft, contentType: 'text/plain', headers: {} });
  const token = holder.replica.token();
  const { id } = published.held.message;
  for (let i = 0; i < 10; i++) {
    assert.equal((await client.message(ada, id, token))?.body, 'hello');
    assert.equal((await client.proof(ada, id, token))?.id, id);
  }
  const none = 'f'.repeat(64);
  assert.equal(await client.message(ada, none, token), undefined, 'says one that holds what the token covers');
  const future = encodeToken(new Map([[holder.replica.origin.id, 1_000]]));
  await assert.rejects(client.message(ada, none, future), withCode('NOT_YET'));
  await assert.rejects(client.proof(ada, none, future), withCode('NOT_YET'));
});

test('a message that one node has erased is found at another, until all have', async () => {
  await using under = await startClient();
  const { results } = await under.client.publish(ada, { messages: [draft], acks: 3 });
  const id = String(results[0]?.id);
  const [last, ...others] = under.cluster.nodes;
  for (const node of others) node.replica.erased.add(id);
  for (let i = 0; i < 10; i++) assert.equal((await under.client.message(ada, id))?.body, 'hello');
  last?.replica.erased.add(id);
  await assert.rejects(under.client.message(ada, id), withCode('ERASED'));
  assert.equal((await under.client.proof(ada, id))?.entry, null);
});

test('a caller that will not wait so long has its answer in time', async () => {
  await using hanging = await startScriptedNode(() => undefined);
  // Longer than the test may take: only the caller's own deadline can end the call.
  const client = clientFor([hanging.url], 600_000);
  const impatient = { ...ada, deadlineMs: systemClock.monotonicMs() + 100 };
  await assert.rejects(client.topics(impatient, { limit: 1 }), withCode('UPSTREAM_TIMEOUT'));
  await client.stop();
});

test('a node that hangs costs a read part of its time, not all of it', async () => {
  await using under = await startClient(1);
  await using hanging = await startScriptedNode(() => undefined, under.cluster.seeds);
  const client = clientFor([hanging.url], 400);
  for (let i = 0; i < 6; i++) await client.topics(ada, { limit: 1 });
  assert.ok(hanging.asked.length > 0, 'the hanging node was tried');
  await client.stop();
});

test('a publish whose outcome is unknown is repeated only with idempotency keys', async () => {
  await using under = await startClient(1);
  await using breaking = await startScriptedNode((request) => request.socket.destroy(), under.cluster.seeds);
  const client = clientFor([breaking.url]);
  let unknown = 0;
  for (let i = 0; i < 10 && unknown === 0; i++) {
    await client.publish(ada, { messages: [draft] }).catch((error: unknown) => {
      assert.ok(withCode('UPSTREAM_FAILED')(error), String(error));
      unknown++;
    });
  }
  assert.equal(unknown, 1, 'the breaking node was tried');
  const before = breaking.asked.length;
  for (let i = 0; breaking.asked.length === before && i < 200; i++) {
    await client.publish(ada, { messages: [{ ...draft, idempotencyKey: `k${i}` }] });
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert.ok(breaking.asked.length > before, 'the breaking node was tried with a key');
  await client.stop();
});

test('a node that did nothing because it is full is passed over, for publishes as well', async () => {
  await using under = await startClient(2);
  const [full, free] = under.cluster.nodes;
  assert.ok(full !== undefined && free !== undefined);
  full.failure = new GrapevineError('OVERLOADED', 'Full.', { retryAfterSeconds: 3 });
  for (let i = 0; i < 10; i++) await under.client.publish(ada, { messages: [draft] });
  assert.equal(free.replica.count(), 10);
  free.failure = full.failure;
  await assert.rejects(under.client.publish(ada, { messages: [draft] }), (error) => {
    assert.ok(error instanceof GrapevineError);
    assert.deepEqual([error.code, error.retryAfterSeconds], ['OVERLOADED', 3]);
    return true;
  });
});

test('answers outside the contract are a failure of the node, never passed on', async () => {
  const answers = ['{"items":[{"name":1}],"next":null}', 'not JSON', ''];
  for (const body of answers) {
    await using wrong = await startScriptedNode((_request, response) => response.end(body));
    const client = clientFor([wrong.url]);
    await assert.rejects(client.topics(ada, { limit: 1 }), withCode('UPSTREAM_FAILED'), body);
    await client.stop();
  }
});

test('a node that does not accept us is not the caller’s mistake', async () => {
  await using stranger = await startScriptedNode((_request, response) => {
    response
      .writeHead(401)
      .end(JSON.stringify({ type: 'x', title: 'x', status: 401, detail: 'who?', code: 'UNAUTHENTICATED' }));
  });
  const client = clientFor([stranger.url]);
  await assert.rejects(client.topics(ada, { limit: 1 }), withCode('UNAVAILABLE'));
  await client.stop();
});

test('a caller who goes away ends the call', async () => {
  await using hanging = await startScriptedNode(() => gone.abort());
  const gone = new AbortController();
  const client = clientFor([hanging.url], 60_000);
  await assert.rejects(client.topics({ ...ada, signal: gone.signal }, { limit: 1 }), { name: 'AbortError' });
  await client.stop();
});

test('addresses in a membership that are no http URLs are left out', async () => {
  await using odd = await startScriptedNode(
    (_request, response) => response.end(empty),
    ['file:///etc/passwd', 'nonsense', ''],
  );
  const client = clientFor([odd.url]);
  for (let i = 0; i < 5; i++) await client.topics(ada, { limit: 1 });
  assert.equal(odd.asked.length, 5);
  await client.stop();
});

test('heads, roots and comparisons come from the node that was named', async () => {
  await using under = await startClient();
  const { client } = under;
  const { results } = await client.publish(ada, { messages: [draft, draft] });
  const origin = String(results[0]?.origin);
  const heads = await client.heads(ada, 'node-2');
  assert.equal(heads.node, 'node-2');
  assert.equal(await client.rootAt(ada, 'node-3', origin, 2), heads.heads.find((head) => head.origin === origin)?.root);
  assert.equal(await client.rootAt(ada, 'node-3', origin, 3), undefined);
  assert.equal((await client.compare(ada, 'node-1', 'node-3')).verdict, 'equal');
  await assert.rejects(client.heads(ada, 'node-9'), (error) => {
    assert.ok(withCode('NOT_FOUND')(error));
    assert.match(String(error), /node-1, node-2, node-3/);
    return true;
  });
  await under.cluster.nodes[1]?.stop();
  await assert.rejects(client.heads(ada, 'node-2'), (error) => {
    assert.ok(withCode('UNAVAILABLE')(error));
    assert.match(String(error), /node-2/);
    return true;
  });
});

test('a publish that may wait long does not wait for a node that hangs', async () => {
  await using under = await startClient(3);
  const { client, cluster } = under;
  for (const node of cluster.nodes.slice(1)) node.frozen = true;
  const impatient = { ...ada, signal: AbortSignal.timeout(20_000) };
  const concern = { acks: 2, timeoutMs: 30_000 };
  for (let i = 0; i < 3; i++) {
    const messages = [{ topic: 't', body: 'x', idempotencyKey: `hangs ${i}` }];
    assert.equal((await client.publish(impatient, { messages, ...concern })).acknowledged, true);
  }
});
