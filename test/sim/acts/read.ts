import { z } from 'zod';
import { readers } from '../check/clients.ts';
import { nodeIndex } from '../plan/plan.ts';
import { actKind } from './act-kind.ts';

/** A client reads everything at a node. */
export const read = actKind({
  kind: 'read',
  weight: 1.5,
  shape: { node: nodeIndex },
  draw: ({ node }) => ({ node: node() }),
  perform: (world, { node }) => world.clients.read(node),
});

/** A client that follows all messages goes on at a node. */
export const follow = actKind({
  kind: 'follow',
  weight: 3,
  shape: {
    node: nodeIndex,
    reader: z
      .int()
      .min(0)
      .max(readers - 1),
  },
  draw: ({ node, random }) => ({ node: node(), reader: random.below(readers) }),
  perform: (world, { node, reader }) => world.clients.follow(reader, node),
});
