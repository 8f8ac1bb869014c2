import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import type { z } from 'zod';
import { consistencySchema } from '../contract/responses.ts';
import { type MobileUnderTest, startMobile } from '../mobile.fixture.ts';

let mobile: MobileUnderTest;
beforeEach(async () => {
  mobile = await startMobile();
  for (let i = 0; i < 3; i++) await mobile.publish('t', String(i));
});
afterEach(() => mobile.stop());

async function report(): Promise<z.infer<typeof consistencySchema>> {
  const response = await mobile.call('/cluster/consistency');
  assert.equal(response.status, 200);
  return consistencySchema.strict().parse(await response.json());
}

test('says equal, with every node and every pair', async () => {
  const { verdict, nodes, pairs } = await report();
  assert.equal(verdict, 'equal');
  assert.deepEqual(nodes.map(({ name }) => name).sort(), ['node-1', 'node-2', 'node-3']);
  assert.equal(new Set(nodes.map(({ root }) => root)).size, 1);
  assert.deepEqual(
    nodes.map(({ messages }) => messages),
    [3, 3, 3],
  );
  assert.equal(pairs.length, 3);
});

test('tells lag from damage', async () => {
  const [first, second, third] = mobile.cluster.nodes;
  assert.ok(first !== undefined && second !== undefined && third !== undefined);
  third.connected = false;
  first.replica.publish('ada', { topic: 't', body: 'x', contentType: 'text/plain', headers: {} });
  first.replicate();
  assert.equal((await report()).verdict, 'behind');
  const { origin } =
    mobile.cluster.nodes.find(({ replica }) => replica.log(replica.origin.id).length > 0)?.replica ?? {};
  assert.ok(origin !== undefined);
  second.replica.forge(origin.id, 0, 'not what was published');
  assert.equal((await report()).verdict, 'forked');
});

test('says which node cannot be reached', async () => {
  const [, second] = mobile.cluster.nodes;
  await second?.stop();
  const { verdict, nodes } = await report();
  assert.equal(verdict, 'unreachable');
  const lost = nodes.filter(({ reachable }) => !reachable);
  assert.deepEqual(
    lost.map(({ name, root, messages }) => [name, root, messages]),
    [['node-2', null, null]],
  );
});
