import { z } from 'zod';
import { nodeIndex } from '../plan/plan.ts';
import { actKind } from './act-kind.ts';

/** A bit flips in a segment on the disk of a node, as long as some other disk holds the same segment sound. */
export const corrupt = actKind({
  kind: 'corrupt',
  weight: 1.5,
  shape: { node: nodeIndex, segment: z.int().min(0), bit: z.int().min(0) },
  draw: ({ node, random }) => ({ node: node(), segment: random.below(0x1000_0000), bit: random.below(0x1000_0000) }),
  perform(world, { node, segment, bit }) {
    world.withNode(node, (victim) => {
      const places = victim.disk
        .heads()
        .flatMap(({ origin }) => victim.disk.segments(origin).map((bytes) => ({ origin, bytes })));
      const chosen = places[segment % Math.max(1, places.length)];
      if (chosen === undefined) return;
      const isElsewhere = world.nodes.some(
        ({ disk, index }) =>
          index !== node && disk.segments(chosen.origin).some((bytes) => Buffer.compare(bytes, chosen.bytes) === 0),
      );
      if (!isElsewhere || !victim.disk.flip(chosen.origin, chosen.bytes, bit)) return;
      world.checker.expectAltered();
      world.situations.reached('bit flipped');
    });
  },
});
