import { z } from 'zod';
import { milliseconds, nodeIndex } from '../plan/plan.ts';
import { actKind } from './act-kind.ts';

/** What some nodes send, or what they are sent, is lost more often than not. */
export const lossyLinks = actKind({
  kind: 'lossy-links',
  weight: 1,
  silences: true,
  shape: {
    nodes: z.array(nodeIndex),
    direction: z.enum(['in', 'out']),
    loss: z.number().min(0).max(1),
    forMs: milliseconds,
  },
  draw({ random, settings, someNodes, between }) {
    if (settings.nodes < 2) return undefined;
    return {
      nodes: someNodes(),
      direction: random.below(2) === 0 ? ('in' as const) : ('out' as const),
      loss: (40 + random.below(59)) / 100,
      forMs: between(200, 6_000),
    };
  },
  perform(world, { nodes, direction, loss, forMs }) {
    const side = new Set(nodes);
    const all = new Set(world.nodes.map(({ index }) => index));
    world.faultFor(
      forMs,
      world.network.worsen({ ...(direction === 'in' ? { from: all, to: side } : { from: side, to: all }), loss }),
    );
  },
});
