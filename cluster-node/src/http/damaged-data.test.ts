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

test('a stream that comes to damaged data ends', async () => {
  await using node = await TestNode.start();
  const stream = await fetch(`${node.url}/v1/stream`, { headers: vouched() });
  node.service.damage = damage;
  await node.publish({ messages: [{ topic: 'news', body: 'first' }] });
  assert.doesNotMatch(await stream.text(), /first/);
  assert.deepEqual(node.service.suspected, [damage]);
});
