import { milliseconds, nodeIndex } from '../plan/plan.ts';
import { actKind } from './act-kind.ts';

/** Every write of a node takes long for a while. */
export const slowDisk = actKind({
  kind: 'slow-disk',
  weight: 1,
  shape: { node: nodeIndex, writeMs: milliseconds, forMs: milliseconds },
  draw: ({ node, between }) => ({ node: node(), writeMs: between(5, 1_500), forMs: between(200, 6_000) }),
  perform(world, { node, writeMs, forMs }) {
    world.withNode(node, ({ timing }) => {
      timing.writeMs = [writeMs / 2, writeMs];
      world.faultFor(forMs, () => {
        timing.writeMs = world.settings.writeMs;
      });
    });
  },
});
