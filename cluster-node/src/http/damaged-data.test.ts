import assert from 'node:assert/strict';
import test from 'node:test';
import { codeOf, TestNode, vouched } from '@grapevine/test/fixtures/node-http.ts';
import { DataDamage } from '../store/damage.ts';

const damage = new DataDamage('Entry x/3: expected other bytes.', { origin: 'a'.repeat(32), seq: 3 });

test('a read that meets damaged data is sent to another node, and the damage is reported', async () => {
  await using node = await TestNode.start();
  const { results } = await node.publish({ messages: [{ topic: 'news', body: 'x' }] });
  const id = results[0]?.id;
  node.service.damage = damage;
  const paths = [
    `/v1/messages/${id}`,
    `/v1/messages/${id}/proof`,
    `/v1/messages?ids=${id}`,
    '/v1/topics/news/messages',
    '/v1/sync',
  ];
  for (const path of paths) {
    const answer = await node.get(path);
    assert.deepEqual([answer.status, codeOf(answer)], [503, 'QUARANTINED'], path);
    assert.ok(answer.headers.has('retry-after'), path);
  }
  assert.deepEqual(node.service.suspected, Array(paths.length).fill(damage));
  assert.deepEqual(node.logged, [], 'it is no error of the program');
});

test('nothing is proven, and no root is told, from a damaged tree', async () => {
  await using node = await TestNode.start();
  const { results } = await node.publish({
    messages: Array.from({ length: 11 }, () => ({ topic: 'news', body: 'x' })),
  });
  const { origin } = node.service;
  const paths = [
    `/v1/messages/${results[7]?.id}/proof`,
    `/v1/origins/${origin}/root?size=6`,
    `/v1/origins/${origin}/root?size=6&peaks=true`,
    `/v1/origins/${origin}/consistency?from=2&to=6`,
    `/v1/origins/${origin}/subtree?level=1&index=2`,
    `/v1/origins/${origin}/subtree?level=2&index=1&depth=1`,
  ];
  for (const path of paths) assert.equal((await node.get(path)).status, 200, path);
  node.service.damagedNode = { level: 1, index: 2 };
  for (const path of paths) {
    const answer = await node.get(path);
    assert.deepEqual([answer.status, codeOf(answer)], [503, 'QUARANTINED'], path);
  }
  assert.deepEqual(
    node.service.suspected.map(({ place }) => place),
    Array(paths.length).fill({ origin }),
  );
});

test('a stream that comes to damaged data ends', async () => {
  await using node = await TestNode.start();
  const stream = await fetch(`${node.url}/v1/stream`, { headers: vouched() });
  node.service.damage = damage;
  await node.publish({ messages: [{ topic: 'news', body: 'first' }] });
  assert.doesNotMatch(await stream.text(), /first/);
  assert.deepEqual(node.service.suspected, [damage]);
});
