import { milliseconds, nodeIndex } from '../plan/plan.ts';
import { actKind } from './act-kind.ts';

/** A node leaves in good order and comes back after a while. */
export const leave = actKind({
  kind: 'leave',
  weight: 1,
  silences: true,
  shape: { node: nodeIndex, awayMs: milliseconds },
  draw: ({ node, between }) => ({ node: node(), awayMs: between(100, 4_000) }),
  perform(world, { node, awayMs }) {
    world.withNode(node, (leaving) => {
      leaving.leave();
      world.faultFor(awayMs, () => leaving.startAgain());
    });
  },
});
