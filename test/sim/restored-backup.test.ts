import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checkDisks } from './check/end-checks.ts';
import { usualSettings } from './plan/plan.ts';
import type { SimNode } from './sim-node.ts';
import { World } from './world.ts';

/** Simulated milliseconds that anything in these tests may take. */
const patienceMs = 20_000;

async function stepUntil(world: World, isDone: () => boolean): Promise<void> {
  const deadlineMs = world.nowMs() + patienceMs;
  while (!isDone()) assert.ok(await world.step(deadlineMs), 'what was waited for did not happen');
}

function ownSize(node: SimNode): number {
  return node.disk.heads().find(({ origin }) => origin === node.signer.origin)?.size ?? 0;
}

/** Publishes at the node, whether it may write yet or not. */
function publish(node: SimNode, count: number): void {
  const draft = { topic: 'news', author: 'ann', contentType: 'text/plain', headers: {}, body: new Uint8Array(10) };
  node.process?.submit([{ ticket: 1, drafts: Array.from({ length: count }, () => draft), acks: 1, timeoutMs: 5_000 }]);
}

async function startWorld(nodes: number, started = nodes): Promise<{ world: World; first: SimNode }> {
  const world = new World({ ...usualSettings, seed: 1, nodes });
  for (const node of world.nodes.slice(0, started)) node.start();
  const [first] = world.nodes;
  assert.ok(first !== undefined);
  await stepUntil(world, () => first.running);
  return { world, first };
}

/** A cluster in which the first node has written on after its backup, and the others hold all of it. */
async function clusterWithBackup(nodes: number): Promise<{ world: World; first: SimNode; restore: () => void }> {
  const { world, first } = await startWorld(nodes);
  const grow = async (): Promise<void> => {
    const before = ownSize(first);
    publish(first, 5);
    await stepUntil(world, () => ownSize(first) === before + 5 && world.checker.rootsAgree());
  };
  await grow();
  const restore = first.disk.backUp();
  await grow();
  return { world, first, restore };
}

describe('a node that is put back from a backup', () => {
  for (const nodes of [2, 3, 5]) {
    it(`gets its own entries back before it writes, in a cluster of ${nodes}`, async () => {
      const { world, first, restore } = await clusterWithBackup(nodes);
      first.crash(false);
      restore();
      world.checker.diskFailed(first);
      first.start();
      await stepUntil(world, () => first.running);
      publish(first, 1);
      await stepUntil(world, () => ownSize(first) === 11 && world.checker.rootsAgree());
      checkDisks(world);
    });
  }

  it('writes after a while when there is nobody whom it could ask', async () => {
    const { world, first } = await startWorld(2, 1);
    publish(first, 1);
    await stepUntil(world, () => ownSize(first) === 1);
  });
});
