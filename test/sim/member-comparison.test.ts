import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Settings, usualSettings } from './plan/plan.ts';
import { World } from './world.ts';

/**
 * So small that two records go along with a pull, beside the sender's own: what a cluster of a thousand meets at 1,400 bytes
 * happens in one of a hundred.
 */
const smallDatagrams = { maxDatagramBytes: 576, oddDatagramBytes: 576 };
/** Of all datagrams, also of those to the seeds at the start. */
const loss = 0.1;

/** Too many nodes to look at all that they do. */
class UnwatchedWorld extends World {
  override observe(): void {}

  constructor(nodes: number, changes: Partial<Settings> = {}) {
    super({ ...usualSettings, ...smallDatagrams, ...changes, seed: nodes, nodes, disk: 'light' });
    for (const node of this.nodes) node.start();
  }

  /** Rounds of gossip until `isDone`. */
  async rounds(isDone: () => boolean): Promise<number> {
    const startMs = this.nowMs();
    for (let rounds = 0; ; rounds++) {
      while (await this.step(startMs + rounds * this.settings.intervalMs));
      if (isDone()) return rounds;
      assert.ok(rounds < 1_000, 'it never came to an end');
    }
  }

  /** How many members each node takes for dead. */
  dead(): number[] {
    return this.nodes.map(({ replica }) => (replica?.members() ?? []).filter(({ state }) => state === 'dead').length);
  }
}

describe('in a cluster too large for rumours, on a network that loses datagrams, everybody knows everybody soon', () => {
  it('after all have started in one instant', async () => {
    const nodes = 128;
    const world = new UnwatchedWorld(nodes);
    world.network.weather = { ...world.network.weather, loss };
    const rounds = await world.rounds(() => world.checker.membersAgree());
    // By rumours alone 120.
    assert.ok(rounds <= 2 * Math.log2(nodes), `it took ${rounds} rounds`);
  });

  it('after a partition in which each half took the other one for dead', async () => {
    const nodes = 64;
    const world = new UnwatchedWorld(nodes, { deadAfterMs: 1 });
    await world.rounds(() => world.checker.membersAgree());
    const [even, odd] = [0, 1].map(
      (rest) => new Set(world.nodes.map(({ index }) => index).filter((i) => i % 2 === rest)),
    );
    assert.ok(even !== undefined && odd !== undefined);
    world.network.worsen({ from: even, to: odd, loss: 1 });
    world.network.worsen({ from: odd, to: even, loss: 1 });
    await world.rounds(() => world.dead().every((count) => count === nodes / 2));
    world.network.heal();
    world.network.weather = { ...world.network.weather, loss };
    const rounds = await world.rounds(() => world.checker.membersAgree());
    // By rumours alone 30.
    assert.ok(rounds <= 3 * Math.log2(nodes), `it took ${rounds} rounds`);
  });
});
