import assert from 'node:assert/strict';
import test from 'node:test';
import { encodeToken } from '@grapevine/shared/contracts/consistency-token.ts';
import { encodeCursor } from '@grapevine/shared/contracts/cursor.ts';
import { limits } from '@grapevine/shared/contracts/limits.ts';
import {
  type Message,
  type MessagesResponse,
  messagesResponseSchema,
  topicSchema,
  topicsResponseSchema,
} from '@grapevine/shared/contracts/node-api.ts';
import { hlcFromHex, hlcMs } from '@grapevine/shared/log/hlc.ts';
import { codeOf, TestNode } from '@grapevine/test/fixtures/node-http.ts';

const bodies = (count: number) => Array.from({ length: count }, (_, i) => ({ topic: 'a/b', body: `m${i}` }));

async function page(node: TestNode, query: string): Promise<MessagesResponse> {
  const answer = await node.get(`/v1/topics/a%2Fb/messages?${query}`);
  assert.equal(answer.status, 200, answer.text);
  return messagesResponseSchema.parse(answer.body);
}

const textsOf = (items: readonly Message[]): string[] => items.map(({ body }) => body);

test('lists topics by name, page by page', async () => {
  await using node = await TestNode.start();
  await node.publish({ messages: ['c', 'a', 'b'].map((topic) => ({ topic, body: '' })) });
  const first = topicsResponseSchema.parse((await node.get('/v1/topics?limit=2')).body);
  assert.deepEqual([first.items.map(({ name }) => name), first.next], [['a', 'b'], 'b']);
  assert.equal(first.token, encodeToken(node.service.views.vector()));
  const second = topicsResponseSchema.parse((await node.get(`/v1/topics?limit=2&after=${first.next}`)).body);
  assert.deepEqual([second.items.map(({ name }) => name), second.next], [['c'], null]);
});

test('the list of topics changes its tag only when something is published', async () => {
  await using node = await TestNode.start();
  await node.publish({ messages: bodies(1) });
  const etag = (await node.get('/v1/topics')).headers.get('etag') ?? '';
  assert.equal((await node.get('/v1/topics', { 'if-none-match': etag })).status, 304);
  await node.publish({ messages: bodies(1) });
  assert.equal((await node.get('/v1/topics', { 'if-none-match': etag })).status, 200);
});

test('shows a topic; one without messages is 404', async () => {
  await using node = await TestNode.start();
  await node.publish({ messages: bodies(2) });
  const answer = await node.get('/v1/topics/a%2Fb');
  assert.deepEqual(topicSchema.parse(answer.body), node.service.replica.topic('a/b'));
  const etag = answer.headers.get('etag') ?? '';
  assert.equal((await node.get('/v1/topics/a%2Fb', { 'if-none-match': etag })).status, 304);
  assert.equal((await node.get('/v1/topics/unheard-of')).status, 404);
});

test('walks a topic in both directions without gaps or repeats', async () => {
  await using node = await TestNode.start();
  await node.publish({ messages: bodies(7) });
  const forward = await page(node, 'limit=3');
  assert.deepEqual(textsOf(forward.items), ['m0', 'm1', 'm2']);
  assert.deepEqual([forward.hasPrevious, forward.hasNext, forward.topic.count], [false, true, 7]);
  const last = forward.items[2];
  assert.ok(last !== undefined);
  const next = await page(node, `limit=3&after=${encodeCursor(last)}`);
  assert.deepEqual(textsOf(next.items), ['m3', 'm4', 'm5']);
  const backward = await page(node, 'limit=3&direction=backward');
  assert.deepEqual(textsOf(backward.items), ['m4', 'm5', 'm6']);
  const [first] = backward.items;
  assert.ok(first !== undefined);
  const before = await page(node, `limit=9&direction=backward&before=${encodeCursor(first)}`);
  assert.deepEqual(textsOf(before.items), ['m0', 'm1', 'm2', 'm3']);
  assert.equal(before.token, node.service.replica.token());
});

test('a topic without messages is an empty page', async () => {
  await using node = await TestNode.start();
  const { topic, items, hasNext, hasPrevious } = await page(node, '');
  assert.deepEqual([topic.name, topic.count, items, hasNext, hasPrevious], ['a/b', 0, [], false, false]);
});

test('replicas with the same messages give the same tag, other pages and later states another', async () => {
  await using a = await TestNode.start('node-a');
  await using b = await TestNode.start('node-b');
  const tagOf = async (node: TestNode, query = ''): Promise<string> =>
    (await node.get(`/v1/topics/a%2Fb/messages?${query}`)).headers.get('etag') ?? '';
  await a.publish({ messages: bodies(3) });
  a.service.replicateTo(b.service);
  const tag = await tagOf(a);
  assert.match(tag, /^W\/"/);
  assert.equal(await tagOf(b), tag);
  const unchanged = await b.get('/v1/topics/a%2Fb/messages', { 'if-none-match': tag });
  assert.deepEqual([unchanged.status, unchanged.text, unchanged.headers.get('etag')], [304, '', tag]);
  const others = await Promise.all(['limit=3', 'direction=backward'].map((query) => tagOf(b, query)));
  await a.publish({ messages: bodies(1) });
  assert.equal(new Set([tag, ...others, await tagOf(a)]).size, 4);
});

test('wrong names, cursors, limits and directions are refused as what they are', async () => {
  await using node = await TestNode.start();
  const cases = [
    ['/v1/topics/a%20b', 'INVALID_TOPIC'],
    ['/v1/topics/a%20b/messages', 'INVALID_TOPIC'],
    [`/v1/topics/${'x'.repeat(201)}/messages`, 'INVALID_TOPIC'],
    ['/v1/topics?after=%F0%9F%8D%87', 'INVALID_TOPIC'],
    ['/v1/topics/a/messages?after=x', 'INVALID_CURSOR'],
    ['/v1/topics/a/messages?before=', 'INVALID_CURSOR'],
    ['/v1/topics/a/messages?direction=up', 'INVALID_ARGUMENT'],
    ...['0', `${limits.pageSize + 1}`, '-1', '1.5', '1e1', '', 'ten', '0x5'].map((limit) => [
      `/v1/topics/a/messages?limit=${limit}`,
      'INVALID_ARGUMENT',
    ]),
  ] as const;
  for (const [path, code] of cases) {
    const answer = await node.get(path ?? '');
    assert.deepEqual([answer.status, codeOf(answer)], [400, code], path);
  }
});

test('shows only what an author wrote, has a key or is of a time', async () => {
  await using node = await TestNode.start();
  await node.publish({ messages: [...bodies(2), { topic: 'a/b', body: 'wanted', key: 'k' }, ...bodies(1)] });
  assert.deepEqual(textsOf((await page(node, 'key=k')).items), ['wanted']);
  assert.deepEqual((await page(node, 'author=nobody')).items, []);
  const newest = (await page(node, 'limit=1&direction=backward')).items[0];
  assert.ok(newest !== undefined);
  assert.equal((await page(node, `author=${newest.author}`)).items.length, 4);
  const ms = hlcMs(hlcFromHex(newest.hlc));
  assert.deepEqual((await page(node, `fromMs=${ms + 1}`)).items, []);
  assert.deepEqual((await page(node, `untilMs=${ms + 1}&limit=1&direction=backward`)).items, [newest]);
  assert.equal(codeOf(await node.get('/v1/topics/a%2Fb/messages?fromMs=-1')), 'INVALID_ARGUMENT');
});

test('a page of one author has a tag of its own', async () => {
  await using node = await TestNode.start();
  await node.publish({ messages: bodies(1) });
  const tags = ['', '?author=a', '?author=b', '?key=a', '?fromMs=1', '?untilMs=1'].map(async (query) =>
    (await node.get(`/v1/topics/a%2Fb/messages${query}`)).headers.get('etag'),
  );
  assert.equal(new Set(await Promise.all(tags)).size, tags.length);
});
