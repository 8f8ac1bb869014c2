import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { SimNode } from './sim-node.ts';
import { World } from './world.ts';

/** Simulated milliseconds that anything in these tests may take. */
const patienceMs = 20_000;

function stepUntil(world: World, isDone: () => boolean): void {
  const deadlineMs = world.now().monotonicMs + patienceMs;
  while (!isDone()) {
    assert.ok(world.step() && world.now().monotonicMs < deadlineMs, 'what was waited for did not happen');
  }
}

function ownSize(node: SimNode): number {
  return node.disk.size(node.signer.origin);
}

/** A cluster in which the first node has written on after its backup, and the others hold all of it. */
function clusterWithBackup(nodes: number): { world: World; first: SimNode; restore: () => void } {
  const world = new World(nodes, 1);
  for (const node of world.nodes) node.start();
  const [first] = world.nodes;
  assert.ok(first !== undefined);
  const publish = (): void => {
    const before = ownSize(first);
    world.publish(first, 5, 10, 1);
    stepUntil(world, () => ownSize(first) === before + 5 && world.checker.converged());
  };
  publish();
  const restore = first.disk.backUp();
  publish();
  return { world, first, restore };
}

describe('a node that is put back from a backup', () => {
  for (const nodes of [2, 3, 5]) {
    it(`gets its own entries back before it writes, in a cluster of ${nodes}`, () => {
      const { world, first, restore } = clusterWithBackup(nodes);
      first.crash();
      restore();
      world.checker.forgetDisk(first);
      first.start();
      world.publish(first, 1, 10, 1);
      stepUntil(world, () => ownSize(first) === 11 && world.checker.converged());
      world.checker.checkEnd();
    });
  }

  it('writes after a while when there is nobody whom it could ask', () => {
    const world = new World(2, 1);
    const [alone] = world.nodes;
    assert.ok(alone !== undefined);
    alone.start();
    world.publish(alone, 1, 10, 1);
    stepUntil(world, () => ownSize(alone) === 1);
  });
});
