import assert from 'node:assert/strict';
import { cp, readdir, readFile, rm } from 'node:fs/promises';
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

test('a node that wrote alone after a restored backup finds its fork, goes on under a new origin, and adopts the other history when it is told', async () => {
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

    const planned = await grapevine('repair', 'node-1', '--adopt', 'node-2', '--dry-run', '--data-dir', dataDir);
    assert.equal(planned.ending, 1, planned.stderr);
    assert.match(planned.stdout, /It would be set aside, and that of node-2 taken/);
    const adopted = await grapevine('repair', 'node-1', '--adopt', 'node-2', '--yes', '--data-dir', dataDir);
    assert.equal(adopted.ending, 0, adopted.stdout + adopted.stderr);
    assert.match(adopted.stdout, /1 log has another history now/);
    const [setAside] = await readdir(join(folder, 'set-aside'));
    assert.match(adopted.stdout, new RegExp(`had other entry 2; kept in its data folder, in set-aside/${setAside}`));
    const kept = await readFile(join(folder, 'set-aside', setAside ?? '', 'messages.jsonl'), 'utf8');
    assert.deepEqual([JSON.parse(kept).seq, JSON.parse(kept).body], [2, 'another three']);
    await untilRootsEqual(all);
    for (const node of all) {
      const shown = (await node.topic('fork')).map(({ body }) => body);
      assert.deepEqual(shown, ['one', 'two', 'three', 'four'], node.name);
    }
    const agreed = async () => {
      const { ending, stdout } = await grapevine('status', '--data-dir', dataDir);
      return ending === 0 && /^equal: /.test(stdout);
    };
    await until('both nodes say that there is no fork any more', agreed, 60_000);
    const nothingLeft = await grapevine('repair', 'node-1', '--adopt', 'node-2', '--yes', '--data-dir', dataDir);
    assert.match(nothingLeft.stdout, /no log has another history at node-2/);
  });
  for (const name of ['node-1', 'node-2']) {
    const checked = await grapevine('fsck', join(dataDir, name));
    assert.equal(checked.ending, 0, checked.stdout);
  }
});
