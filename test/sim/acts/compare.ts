import { z } from 'zod';
import { compareNodes, requireNoFork } from '../check/compare-nodes.ts';
import { nodeIndex } from '../plan/plan.ts';
import { actKind } from './act-kind.ts';

/** An operator compares two nodes, in the middle of whatever is going on. */
export const compare = actKind({
  kind: 'compare',
  weight: 1,
  shape: { nodes: z.array(nodeIndex) },
  draw({ settings, node }) {
    const first = node();
    const second = node();
    return settings.nodes < 2 || first === second ? undefined : { nodes: [first, second] };
  },
  perform(world, { nodes }) {
    const [a, b] = nodes.map((index) => world.nodes[index]);
    if (a?.running !== true || b?.running !== true) return;
    world.unsettle();
    compareNodes(a, b).then(
      (comparison) => world.schedule(0, () => requireNoFork(comparison)),
      (error: unknown) => world.fail(error),
    );
  },
});
