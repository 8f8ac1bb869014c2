import assert from 'node:assert/strict';
import process from 'node:process';
import { after, before, test } from 'node:test';
import type { PublishResult } from '@grapevine/shared/contracts/node-api.ts';
import { type Cluster, startCluster, stopCluster, temporaryFolder } from '../cluster.ts';
import { type NodeApi, nodeApis, untilRootsEqual } from '../node-api.ts';
import { until } from '../until.ts';

const topic = 'orders';
const forgetful = 'short-lived';

const resources = new AsyncDisposableStack();
after(() => resources.disposeAsync());
let cluster: Cluster;
let nodes: readonly [NodeApi, NodeApi, NodeApi];

before(async () => {
  const { path: dataDir } = resources.use(await temporaryFolder());
  const environment = { GRAPEVINE_NODE__RETENTION: `[{topics: ${forgetful}, maxAgeSeconds: 2}]` };
  cluster = resources.adopt(await startCluster({ dataDir, environment }), stopCluster);
  const [one, two, three] = nodeApis(cluster);
  assert.ok(one !== undefined && two !== undefined && three !== undefined);
  nodes = [one, two, three];
});

async function publish(node: NodeApi, idempotencyKey: string, body: string, to = topic): Promise<PublishResult> {
  const { results } = await node.publish({ messages: [{ topic: to, body, idempotencyKey }] });
  const [result] = results;
  assert.ok(result !== undefined);
  return result;
}

/** Keeps nodes from doing anything, gossip included, while `run` goes on. */
async function without(names: readonly string[], run: () => Promise<void>): Promise<void> {
  const pids = await Promise.all(names.map(async (name) => (await cluster.process(name)).pid));
  for (const pid of pids) process.kill(pid, 'SIGSTOP');
  try {
    await run();
  } finally {
    for (const pid of pids) process.kill(pid, 'SIGCONT');
  }
}

/** Every node shows the same one message for the body's key, and gives it to whoever sends the key again. */
async function requireOne(key: string): Promise<string> {
  await untilRootsEqual(nodes);
  const ids = new Set<string>();
  for (const node of nodes) {
    const shown = (await node.topic(topic)).filter(({ body }) => body.startsWith(`${key} `));
    assert.equal(shown.length, 1, node.name);
    ids.add(shown[0]?.id ?? '');
    const again = await publish(node, key, `${key} again`);
    assert.deepEqual([again.id, again.duplicate], [shown[0]?.id, true], node.name);
  }
  assert.equal(ids.size, 1);
  return [...ids][0] ?? '';
}

test('one key that two nodes took without knowing of each other is one message everywhere', async () => {
  const [one, two, three] = nodes;
  const { pid: first } = await cluster.process(one.name);
  const taken: PublishResult[] = [];
  try {
    await without([two.name, three.name], async () => {
      taken.push(await publish(one, 'twice', 'twice at one'));
      // From here on it cannot tell anybody, nor answer what the others ask when they go on.
      process.kill(first, 'SIGSTOP');
    });
    taken.push(await publish(two, 'twice', 'twice at two'));
  } finally {
    process.kill(first, 'SIGCONT');
  }
  assert.deepEqual(
    taken.map(({ duplicate }) => duplicate),
    [false, false],
  );
  const id = await requireOne('twice');
  assert.ok(taken.some((result) => result.id === id));
});

test('one key that is sent to all nodes at the same time is one message everywhere', async () => {
  const keys = Array.from({ length: 20 }, (_, i) => `race-${i}`);
  await Promise.all(keys.flatMap((key) => nodes.map((node) => publish(node, key, `${key} at ${node.name}`))));
  for (const key of keys) await requireOne(key);
});

test('a key is known after its node was killed and after all were', async () => {
  const [one] = nodes;
  const { id } = await publish(one, 'restart', 'restart first');
  await untilRootsEqual(nodes);
  await cluster.killAndAwait(one.name);
  assert.equal(await requireOne('restart'), id);
  for (const node of nodes) await cluster.killAndAwait(node.name);
  assert.equal(await requireOne('restart'), id);
});

test('a key lasts as long as the body that it stands for', async () => {
  const [one, two] = nodes;
  const first = await publish(one, 'gone', 'gone first', forgetful);
  await until('the body is erased everywhere', async () => {
    const answers = await Promise.all(nodes.map((node) => node.raw(`/v1/messages/${first.id}`)));
    return answers.every(({ status }) => status === 410);
  });
  const second = await publish(two, 'gone', 'gone second', forgetful);
  assert.deepEqual([second.duplicate, second.id === first.id], [false, false]);
});
