import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GrapevineError } from '../errors/grapevine-error.ts';
import { ada, type ClientUnderTest, startClient } from './cluster-client.fixture.ts';
import { type ConsistencyReport, consistencyReport } from './consistency-report.ts';

const draft = { topic: 't', body: 'hello' };
const pairsOf = ({ pairs }: ConsistencyReport) => pairs.map(({ a, b, state, by }) => `${a} ${b} ${state} ${by}`);

function node({ cluster }: ClientUnderTest, index: number) {
  const found = cluster.nodes[index];
  assert.ok(found !== undefined);
  return found;
}

test('replicas that hold the same are equal, empty ones included', async () => {
  await using under = await startClient();
  assert.equal((await consistencyReport(under.client, ada)).verdict, 'equal');
  await under.client.publish(ada, { messages: [draft, draft] });
  const report = await consistencyReport(under.client, ada);
  assert.equal(report.verdict, 'equal');
  assert.deepEqual(pairsOf(report), ['node-1 node-2 equal 0', 'node-1 node-3 equal 0', 'node-2 node-3 equal 0']);
  assert.deepEqual(
    report.nodes.map(({ name, state, reachable, messages }) => [name, state, reachable, messages]),
    ['node-1', 'node-2', 'node-3'].map((name) => [name, 'alive', true, 2]),
  );
  assert.equal(new Set(report.nodes.map(({ root }) => root)).size, 1);
});

test('a replica that lacks entries is behind, by how many', async () => {
  await using under = await startClient();
  await under.client.publish(ada, { messages: [draft] });
  const cut = node(under, 2);
  cut.connected = false;
  cut.state = 'dead';
  await under.client.reachable();
  await under.client.publish(ada, { messages: [draft, draft, draft] });
  cut.state = 'alive';
  const report = await consistencyReport(under.client, ada);
  assert.equal(report.verdict, 'behind');
  assert.deepEqual(pairsOf(report).slice(1), ['node-1 node-3 ahead 3', 'node-2 node-3 ahead 3']);
});

test('a replica that catches up or is damaged says so itself', async () => {
  await using under = await startClient();
  const catchUp = { from: 'node-1', entries: 5, of: 9, bytesPerSecond: 100 };
  node(under, 2).catchUp = catchUp;
  const { nodes } = await consistencyReport(under.client, ada);
  assert.deepEqual(
    nodes.map((one) => one.catchUp),
    [null, null, catchUp],
  );
  node(under, 0).quarantined = 2;
  const { nodes: later } = await consistencyReport(under.client, ada);
  assert.deepEqual(
    later.map((one) => one.quarantined),
    [2, 0, 0],
  );
  node(under, 0).mendedViews = 3;
  const { nodes: mended } = await consistencyReport(under.client, ada);
  assert.deepEqual(
    mended.map((one) => one.mendedViews),
    [3, 0, 0],
  );
  node(under, 1).forks = 1;
  assert.equal(
    (await consistencyReport(under.client, ada)).verdict,
    'forked',
    'as long as one of them knows of a fork',
  );
});

test('a replica that contradicts the others is forked, at whatever size', async () => {
  await using under = await startClient();
  const { results } = await under.client.publish(ada, { messages: [draft, draft] });
  node(under, 1).replica.forge(String(results[0]?.origin), 0, 'forged');
  const cut = node(under, 1);
  cut.connected = false;
  const report = await consistencyReport(under.client, ada);
  assert.equal(report.verdict, 'forked');
  assert.deepEqual(pairsOf(report), ['node-1 node-2 forked 0', 'node-1 node-3 equal 0', 'node-2 node-3 forked 0']);
});

test('a node that does not answer is unreachable; the others are still compared', async () => {
  await using under = await startClient();
  await under.client.publish(ada, { messages: [draft] });
  await node(under, 0).stop();
  const report = await consistencyReport(under.client, ada);
  assert.equal(report.verdict, 'unreachable');
  assert.deepEqual(pairsOf(report), [
    'node-1 node-2 unreachable 0',
    'node-1 node-3 unreachable 0',
    'node-2 node-3 equal 0',
  ]);
  assert.deepEqual([report.nodes[0]?.reachable, report.nodes[0]?.root, report.nodes[0]?.messages], [false, null, null]);
});

test('a fork is shown even when another node cannot be reached', async () => {
  await using under = await startClient();
  const { results } = await under.client.publish(ada, { messages: [draft] });
  node(under, 1).replica.forge(String(results[0]?.origin), 0, 'forged');
  await node(under, 0).stop();
  assert.equal((await consistencyReport(under.client, ada)).verdict, 'forked');
});

test('members that left are not counted', async () => {
  await using under = await startClient();
  node(under, 2).state = 'left';
  const report = await consistencyReport(under.client, ada);
  assert.equal(report.verdict, 'equal');
  assert.deepEqual(
    report.nodes.map(({ name }) => name),
    ['node-1', 'node-2'],
  );
});

test('a caller who may not look gets the refusal, not a report', async () => {
  await using under = await startClient();
  const reader = { identity: { subject: 'bob', scopes: ['messages:read' as const] } };
  await assert.rejects(consistencyReport(under.client, reader), (error) => {
    return error instanceof GrapevineError && error.code === 'FORBIDDEN';
  });
});
