import assert from 'node:assert/strict';
import { cp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { type Cluster, startCluster, stopCluster, temporaryFolder } from '../cluster.ts';
import { grapevine } from '../command.ts';
import { type NodeApi, nodeApis, untilRootsEqual } from '../node-api.ts';
import { until } from '../until.ts';

const resources = new AsyncDisposableStack();
after(() => resources.disposeAsync());

async function withCluster<Result>(
  dataDir: string,
  nodes: number,
  use: (first: NodeApi, all: readonly NodeApi[], cluster: Cluster) => Promise<Result>,
): Promise<Result> {
  const cluster = resources.adopt(await startCluster({ dataDir, nodes }), stopCluster);
  // One that moves to a new origin may just be between two lives.
  const apis = await until('all nodes run', async () => {
    await cluster.ready();
    return cluster.nodes.length === nodes && nodeApis(cluster);
  });
  const [first] = apis;
  assert.ok(first !== undefined);
  const result = await use(first, apis, cluster);
  await cluster.stop();
  return result;
}

function publish(node: NodeApi, ...bodies: readonly string[]) {
  return node.publish({ messages: bodies.map((body) => ({ topic: 'fork', body })) });
}

test('a node that wrote alone after a restored backup finds its fork and goes on under a new origin', async () => {
  const { path: dataDir } = resources.use(await temporaryFolder());
  const [folder, backup] = [join(dataDir, 'node-1'), join(dataDir, 'backup')];
  const oldOrigin = await withCluster(dataDir, 2, async (first, all) => {
    await publish(first, 'one', 'two');
    await untilRootsEqual(all);
    return (await first.root()).origin;
  });
  await cp(folder, backup, { recursive: true });
  await withCluster(dataDir, 2, async (first, all) => {
    await publish(first, 'three');
    await untilRootsEqual(all);
  });
  await rm(folder, { recursive: true });
  await cp(backup, folder, { recursive: true });
  await withCluster(dataDir, 1, (alone) => publish(alone, 'another three'));
  await withCluster(dataDir, 2, async (first, all) => {
    const second = all[1] ?? assert.fail();
    await until('it has another origin', async () => (await first.root()).origin !== oldOrigin, 60_000);
    await until('it takes writes again', () => publish(first, 'four'), 60_000);
    const ofOldOrigin = async (node: NodeApi) => (await node.forks()).find(({ origin }) => origin === oldOrigin);
    for (const node of [first, second]) {
      const fork = await until(`${node.name} knows of the fork`, () => ofOldOrigin(node), 60_000);
      assert.deepEqual([fork.seq, fork.endedMs], [2, null]);
      assert.notEqual(fork.own.id, fork.other.id);
    }
    const bodies = (await first.topic('fork')).map(({ body }) => body);
    assert.ok(bodies.includes('another three'), 'what was acknowledged is still there');
    assert.ok((await readdir(folder)).includes(`retired-${oldOrigin}.key`));
    const status = await grapevine('status', '--data-dir', dataDir);
    assert.equal(status.ending, 1, status.stdout);
    assert.match(status.stdout, /^forked: /);
    const compared = await grapevine('compare', 'node-1', 'node-2', '--data-dir', dataDir);
    assert.match(compared.stdout, new RegExp(`${oldOrigin} differs from entry 2 on`));
  });
});
