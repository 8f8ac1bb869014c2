import assert from 'node:assert/strict';
import { it } from 'node:test';
import { compareNodes } from './check/compare-nodes.ts';
import { usualSettings } from './plan/plan.ts';
import type { SimNode } from './sim-node.ts';
import { World } from './world.ts';

/** Does not mind that a log forks: here one is meant to. */
class TolerantWorld extends World {
  override observe(): void {}

  async run(forMs: number): Promise<void> {
    const untilMs = this.nowMs() + forMs;
    while (await this.step(untilMs));
  }
}

function publish(node: SimNode, body: string): void {
  const bytes = new TextEncoder().encode(body);
  const draft = { topic: 'news', author: 'ann', contentType: 'text/plain', headers: {}, body: bytes };
  node.process?.submit([{ ticket: 1, drafts: [draft, draft, draft], acks: 1, timeoutMs: 0 }]);
}

function segmentsAt({ disk }: SimNode, origin: string): string[] {
  return disk.segments(origin).map((bytes) => Buffer.from(bytes).toString('hex'));
}

it('a node that was put back and wrote alone is called forked, whoever has more, and nobody takes the other history over', async () => {
  const world = new TolerantWorld({ ...usualSettings, seed: 1, nodes: 2 });
  const [a, b] = world.nodes;
  assert.ok(a !== undefined && b !== undefined);
  a.start();
  b.start();
  await world.run(3_000);
  publish(a, 'before the backup');
  await world.run(500);
  const restore = a.disk.backUp();
  publish(a, 'after the backup');
  await world.run(500);
  const { origin } = a.signer;

  // Cut off, so that nobody can tell it what it has forgotten.
  world.network.worsen({ from: new Set([0]), to: new Set([1]), loss: 1 });
  world.network.worsen({ from: new Set([1]), to: new Set([0]), loss: 1 });
  a.crash(false);
  restore();
  a.start();
  await world.run(5_000);
  const [before, after] = [segmentsAt(a, origin).length, segmentsAt(b, origin)];
  publish(a, 'a second history');
  await world.run(100);
  const second = segmentsAt(a, origin);
  assert.deepEqual([before, second.length, after.length], [1, 2, 2]);

  world.network.heal();
  for (const extra of ['', 'and longer than the first']) {
    if (extra !== '') publish(a, extra);
    await world.run(20_000);
    const comparison = await compareNodes(a, b);
    assert.equal(comparison.verdict, 'forked');
    assert.equal(comparison.origins.find((one) => one.origin === origin)?.state, 'forked');
    assert.deepEqual(segmentsAt(b, origin), after);
    assert.deepEqual(segmentsAt(a, origin).slice(0, 2), second);
  }
});
