import { milliseconds, nodeIndex } from '../plan/plan.ts';
import { actKind } from './act-kind.ts';

/** A process stands still for a while, as when it is stopped or its machine sleeps. */
export const stall = actKind({
  kind: 'stall',
  weight: 1,
  silences: true,
  shape: { node: nodeIndex, forMs: milliseconds },
  draw: ({ node, random, between }) => ({ node: node(), forMs: between(10, random.below(4) === 0 ? 14_000 : 1_500) }),
  perform(world, { node, forMs }) {
    world.withNode(node, ({ loop }) => loop.stall(forMs));
  },
});

/** A process takes long for everything that it does. */
export const slowNode = actKind({
  kind: 'slow-node',
  weight: 1,
  silences: true,
  shape: { node: nodeIndex, eventMs: milliseconds, forMs: milliseconds },
  draw: ({ node, between }) => ({ node: node(), eventMs: between(1, 60), forMs: between(200, 5_000) }),
  perform(world, { node, eventMs, forMs }) {
    world.withNode(node, ({ loop }) => {
      loop.eventMs = eventMs;
      world.faultFor(forMs, () => {
        loop.eventMs = 0;
      });
    });
  },
});
