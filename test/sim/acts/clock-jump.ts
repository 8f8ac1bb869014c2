import { z } from 'zod';
import { nodeIndex } from '../plan/plan.ts';
import { actKind } from './act-kind.ts';

/** A node's wall clock is set wrong, and stays so until it is set again. */
export const clockJump = actKind({
  kind: 'clock-jump',
  weight: 1,
  shape: { node: nodeIndex, offsetMs: z.int() },
  draw({ node, random, between }) {
    const farMs = [500, 5_000, 50_000, 3_600_000][random.below(4)] ?? 500;
    return { node: node(), offsetMs: random.below(5) === 0 ? 0 : between(-farMs, farMs) };
  },
  perform(world, { node, offsetMs }) {
    world.withNode(node, ({ clock }) => {
      clock.offsetMs = offsetMs;
    });
  },
});
