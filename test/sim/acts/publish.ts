import { z } from 'zod';
import { nodeIndex } from '../plan/plan.ts';
import { actKind } from './act-kind.ts';

/** A client publishes a few messages at once. Now and then bodies take many datagrams, so that fragments get lost. */
export const publish = actKind({
  kind: 'publish',
  weight: 12,
  shape: {
    node: nodeIndex,
    count: z.int().min(1).max(256),
    bodyBytes: z.int().min(0).max(1_000_000),
    acks: z.int().min(1).max(64),
  },
  draw({ random, settings, node }) {
    const isLarge = random.below(20) === 0;
    return {
      node: node(),
      count: 1 + random.below(4),
      bodyBytes: isLarge ? 5_000 + random.below(40_000) : random.below(600),
      acks: 1 + random.below(Math.min(3, settings.nodes)),
    };
  },
  perform(world, { node, count, bodyBytes, acks }) {
    world.clients.publish(node, { count, bodyBytes, acks });
  },
});
