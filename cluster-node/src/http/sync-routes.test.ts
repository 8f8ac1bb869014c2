import assert from 'node:assert/strict';
import test from 'node:test';
import { encodeToken } from '@grapevine/shared/contracts/consistency-token.ts';
import { limits } from '@grapevine/shared/contracts/limits.ts';
import { type SyncResponse, syncResponseSchema } from '@grapevine/shared/contracts/node-api.ts';
import { codeOf, TestNode } from '@grapevine/test/fixtures/node-http.ts';

async function sync(node: TestNode, query: string): Promise<SyncResponse> {
  const answer = await node.get(`/v1/sync?${query}`);
  assert.equal(answer.status, 200, answer.text);
  return syncResponseSchema.parse(answer.body);
}

test('gives what a reader lacks, page by page, and then only what is new', async () => {
  await using node = await TestNode.start();
  const messages = ['a', 'b', 'a', 'b', 'a'].map((topic, i) => ({ topic, body: `m${i}` }));
  await node.publish({ messages });
  const first = await sync(node, 'limit=3');
  assert.deepEqual([first.items.map(({ body }) => body), first.more], [['m0', 'm1', 'm2'], true]);
  const second = await sync(node, `since=${first.token}`);
  assert.deepEqual([second.items.map(({ body }) => body), second.more], [['m3', 'm4'], false]);
  assert.deepEqual((await sync(node, `since=${second.token}`)).items, []);
  await node.publish({ messages: [{ topic: 'a', body: 'm5' }] });
  assert.deepEqual(
    (await sync(node, `since=${second.token}`)).items.map(({ body }) => body),
    ['m5'],
  );
});

test('a token goes on at another node, and covers what was skipped for its topic', async () => {
  await using a = await TestNode.start('node-a');
  await using b = await TestNode.start('node-b');
  await a.publish({ messages: ['x', 'y', 'x'].map((topic, i) => ({ topic, body: `a${i}` })) });
  const { items, token } = await sync(a, 'topics=y,z');
  assert.deepEqual(
    items.map(({ body }) => body),
    ['a1'],
  );
  a.service.replicateTo(b.service);
  await b.publish({ messages: [{ topic: 'z', body: 'b0' }] });
  assert.deepEqual(
    (await sync(b, `topics=y,z&since=${token}`)).items.map(({ body }) => body),
    ['b0'],
  );
});

test('refuses wrong tokens, topics and too many of them', async () => {
  await using node = await TestNode.start();
  const many = Array.from({ length: 101 }, (_, i) => `t${i}`).join(',');
  const cases = [
    ['since=x', 'INVALID_CURSOR'],
    ['since=', 'INVALID_CURSOR'],
    ['topics=', 'INVALID_TOPIC'],
    ['topics=a,b%20c', 'INVALID_TOPIC'],
    [`topics=${many}`, 'INVALID_ARGUMENT'],
    ['limit=0', 'INVALID_ARGUMENT'],
  ] as const;
  for (const [query, code] of cases) {
    const answer = await node.get(`/v1/sync?${query}`);
    assert.deepEqual([answer.status, codeOf(answer)], [400, code], query);
  }
});

test('a forged token that is full of strangers is read, and gives a token back', async () => {
  await using node = await TestNode.start();
  const strangers = Array.from(
    { length: limits.tokenOrigins },
    (_, i) => [i.toString(16).padStart(32, '0'), 1] as const,
  );
  const token = encodeToken(new Map(strangers));
  await node.publish({ messages: [{ topic: 'a', body: 'm0' }] });
  const first = await sync(node, `since=${token}`);
  assert.deepEqual(
    first.items.map(({ body }) => body),
    ['m0'],
  );
  assert.deepEqual((await sync(node, `since=${first.token}`)).items, []);
});
