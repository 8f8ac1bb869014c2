import { z } from 'zod';
import { milliseconds, nodeIndex } from '../plan/plan.ts';
import { actKind } from './act-kind.ts';

/** Some nodes are cut off from the others, in both directions or in one. */
export const partition = actKind({
  kind: 'partition',
  weight: 2,
  silences: true,
  shape: { nodes: z.array(nodeIndex), direction: z.enum(['both', 'in', 'out']), forMs: milliseconds },
  draw({ random, settings, someNodes, between }) {
    if (settings.nodes < 2) return undefined;
    const direction = (['both', 'both', 'in', 'out'] as const)[random.below(4)] ?? 'both';
    return { nodes: someNodes(), direction, forMs: between(100, random.below(4) === 0 ? 20_000 : 3_000) };
  },
  perform(world, { nodes, direction, forMs }) {
    const side = new Set(nodes);
    const others = new Set(world.nodes.map(({ index }) => index).filter((index) => !side.has(index)));
    world.counts.partitions++;
    if (
      world.nodes
        .map(({ process }) => process?.stream)
        .some((stream) => stream?.isOpen === true && side.has(stream.server) !== side.has(stream.client))
    ) {
      world.situations.reached('partition during catch-up');
    }
    const ends = [
      ...(direction === 'in' ? [] : [world.network.worsen({ from: side, to: others, loss: 1 })]),
      ...(direction === 'out' ? [] : [world.network.worsen({ from: others, to: side, loss: 1 })]),
    ];
    world.faultFor(forMs, () => {
      for (const end of ends) end();
    });
  },
});
