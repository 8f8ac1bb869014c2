import { z } from 'zod';
import { nodeIndex } from '../plan/plan.ts';
import { actKind } from './act-kind.ts';

/** The registry names other seeds to a node. At least one of them can be asked, or a node that restarts would know nobody. */
export const changeSeeds = actKind({
  kind: 'change-seeds',
  weight: 0.5,
  shape: { node: nodeIndex, nodes: z.array(nodeIndex) },
  draw({ node, settings, someNodes }) {
    const changed = node();
    const nodes = someNodes().filter((seed) => seed !== changed);
    return settings.nodes < 2 || nodes.length === 0 ? undefined : { node: changed, nodes };
  },
  perform: (world, { node, nodes }) => world.withNode(node, (changed) => changed.changeSeeds(nodes)),
});
