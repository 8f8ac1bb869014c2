import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { MobileClient } from '../clients.ts';
import { type Cluster, startCluster, stopCluster, temporaryFolder } from '../cluster.ts';
import { grapevine } from '../command.ts';
import { type NodeApi, nodeApis, untilRootsEqual } from '../node-api.ts';
import { until } from '../until.ts';

const maxAgeSeconds = 3;
const maxBytes = 2 * 1024 * 1024;
const rules = [
  { topics: 'brief*', maxAgeSeconds },
  { topics: 'capped', maxBytes },
];
const patienceMs = 60_000;

const resources = new AsyncDisposableStack();
after(() => resources.disposeAsync());
let dataDir: string;
let cluster: Cluster;
let nodes: readonly NodeApi[];
const ids: Record<'brief' | 'capped' | 'kept', string[]> = { brief: [], capped: [], kept: [] };

async function start(basePort?: number): Promise<void> {
  const environment = { GRAPEVINE_NODE__RETENTION: JSON.stringify(rules) };
  const ports = basePort === undefined ? {} : { basePort };
  cluster = resources.adopt(await startCluster({ dataDir, environment, ...ports }), stopCluster);
  nodes = nodeApis(cluster);
}

async function publish(topic: keyof typeof ids, count: number, body: string): Promise<void> {
  for (let i = 0; i < count; i++) {
    const node = nodes[i % nodes.length];
    const { results } = (await node?.publish({ messages: [{ topic, body: `${i} ${body}` }], acks: 3 })) ?? {};
    ids[topic].push(...(results ?? []).map(({ id }) => id));
  }
}

/** What every node shows of its topics, once all show the same and `isRight` says that it is. */
function untilTopicsAre(isRight: (counts: ReadonlyMap<string, number>) => boolean) {
  return until(
    'all nodes show the same topics',
    async () => {
      const [first = [], ...others] = await Promise.all(nodes.map((node) => node.topics()));
      const counts = new Map(first.map(({ name, count }) => [name, count]));
      for (const other of others) assert.deepEqual(other, first);
      return isRight(counts) && counts;
    },
    patienceMs,
  );
}

before(async () => {
  dataDir = resources.use(await temporaryFolder()).path;
  await start();
  await publish('kept', 6, 'stays');
  await publish('capped', 14, 'x'.repeat(200_000));
  await publish('brief', 15, 'goes soon');
});

test('bodies vanish on every node, by age and by size, and all nodes show the same', async () => {
  const counts = await untilTopicsAre((found) => !found.has('brief') && (found.get('capped') ?? 0) < 14);
  // 200,000 bytes and some, of which ten fit.
  assert.deepEqual([...counts].sort(), [
    ['capped', 10],
    ['kept', 6],
  ]);
  for (const node of nodes) {
    const shown = async (topic: keyof typeof ids) => (await node.messages(ids[topic])).filter((one) => one !== null);
    assert.deepEqual([(await shown('brief')).length, (await shown('kept')).length], [0, 6], node.name);
    assert.deepEqual(
      (await shown('capped')).map(({ id }) => id),
      ids.capped.slice(-10),
    );
    for (const rule of rules) assert.ok((await erasedBy(node, rule.topics)) > 0, `${node.name} counts ${rule.topics}`);
  }
});

test('what was erased says so, and its place can still be verified', async () => {
  const mobile = new MobileClient(cluster.gateway, cluster.tokens.mobile);
  await assert.rejects(mobile.message(ids.brief[0] ?? ''), { status: 410, code: 'ERASED' });
  for (const [id, outcome] of [
    [ids.brief[7], /erased since/],
    [ids.capped[0], /erased since/],
    [ids.capped[13], /in capped/],
  ] as const) {
    const { ending, stdout, stderr } = await grapevine('verify', id ?? '', '--data-dir', dataDir);
    assert.equal(ending, 0, `${stdout}${stderr}`);
    assert.match(stdout, outcome);
  }
});

test('every data folder is sound; a node that lost its own copies the erased form', async () => {
  const { basePort } = cluster;
  const { root } = (await nodes[0]?.root()) ?? {};
  await stopAndCheck();
  await rm(join(dataDir, 'node-3'), { recursive: true });
  await start(basePort);
  assert.equal(await untilRootsEqual(nodes, patienceMs), root, 'nothing was added');
  await untilTopicsAre((found) => found.get('capped') === 10 && found.get('kept') === 6 && found.size === 2);
  for (const node of nodes) assert.equal(await erasedBy(node, 'brief*'), 0, `${node.name} got bodies that were gone`);
  const { ending, stdout } = await grapevine('verify', ids.brief[3] ?? '', '--data-dir', dataDir);
  assert.equal(ending, 0, stdout);
  await stopAndCheck();
});

/** Messages that the node has erased by the rule since its start. */
async function erasedBy(node: NodeApi, topics: string): Promise<number> {
  const series = [...(await node.metrics())].find(
    ([name]) => name.startsWith('grapevine_retention_erased_messages_total{') && name.includes(`topics="${topics}"`),
  );
  assert.ok(series !== undefined);
  return series[1];
}

async function stopAndCheck(): Promise<void> {
  assert.equal(await cluster.stop(), 0, await cluster.errors());
  assert.deepEqual(await cluster.fatalLogLines(), []);
  for (const { name } of nodes) {
    const { ending, stdout, stderr } = await grapevine('fsck', '--json', join(dataDir, name));
    assert.equal(ending, 0, `${name}: ${stdout}${stderr}`);
  }
}
