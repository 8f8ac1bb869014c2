import type { NodeMessage, Piece } from '@grapevine/cluster-node/wire/messages.ts';
import type { Random } from '@grapevine/shared/random.ts';
import { milliseconds, nodeIndex } from '../plan/plan.ts';
import { actKind } from './act-kind.ts';

/** A node that holds the cluster's key alters the segments that it passes on. Nobody may take them. */
export const tamper = actKind({
  kind: 'tamper',
  weight: 0.7,
  shape: { node: nodeIndex, forMs: milliseconds },
  draw: ({ node, between }) => ({ node: node(), forMs: between(100, 4_000) }),
  perform(world, { node, forMs }) {
    world.withNode(node, (liar) => {
      world.checker.expectAltered();
      liar.alter = (message) => altered(message, world.chance);
      world.faultFor(forMs, () => {
        liar.alter = undefined;
      });
    });
  },
});

function altered(message: NodeMessage, random: Random): NodeMessage {
  if (message.type !== 'pull-response') return message;
  return {
    ...message,
    pieces: message.pieces.map((piece) => (random.below(3) === 0 ? withFlippedBit(piece, random) : piece)),
  };
}

/** Anywhere: in an entry, in the signed head, in the signature. */
function withFlippedBit(piece: Piece, random: Random): Piece {
  const bytes = piece.bytes.slice();
  const at = random.below(bytes.length);
  bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
  return { ...piece, bytes };
}
