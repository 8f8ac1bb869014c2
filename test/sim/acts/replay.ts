import { z } from 'zod';
import { milliseconds, nodeIndex } from '../plan/plan.ts';
import { actKind } from './act-kind.ts';

/** Somebody who can listen sends to a node again what it was sent before. */
export const replay = actKind({
  kind: 'replay',
  weight: 1,
  shape: { node: nodeIndex, count: z.int().min(1).max(1_000), agoMs: milliseconds },
  draw: ({ node, random, between }) => ({ node: node(), count: 1 + random.below(100), agoMs: between(0, 8_000) }),
  perform(world, { node, count, agoMs }) {
    world.withNode(node, (victim) => {
      for (const { from, bytes } of world.recording.before(victim.index, world.nowMs() - agoMs, count)) {
        victim.receive(bytes, from);
      }
    });
  },
});
