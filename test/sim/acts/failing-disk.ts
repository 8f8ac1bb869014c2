import { milliseconds, nodeIndex } from '../plan/plan.ts';
import { actKind } from './act-kind.ts';

/** Every write of a node fails for a while, as on a full disk. */
export const failingDisk = actKind({
  kind: 'failing-disk',
  weight: 1,
  shape: { node: nodeIndex, forMs: milliseconds },
  draw: ({ node, between }) => ({ node: node(), forMs: between(1, 3_000) }),
  perform(world, { node, forMs }) {
    world.withNode(node, (failing) => {
      failing.timing.trouble = new Error('no space left on the simulated device');
      world.faultFor(forMs, () => {
        failing.timing.trouble = undefined;
        failing.process?.step({ type: 'store-recovered' });
      });
    });
  },
});
