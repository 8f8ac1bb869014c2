import { z } from 'zod';
import { maxEntryBytes } from '../log/entry.ts';
import { maxTreeSize } from '../merkle/geometry.ts';
import { hashSchema, originSchema, signedHeadSchema } from './node-api.ts';

/** A tree of 2^48 leaves has 48 levels; a consistency proof has one hash more, the subtree that it starts from. */
const pathSchema = z.array(hashSchema).max(49);

/** `GET /v1/messages/:id/proof`: everything that is needed to check, without trusting anybody, that a message is in its origin's signed log. */
export const messageProofSchema = z.object({
  id: hashSchema,
  origin: originSchema,
  seq: z.int().min(0).max(maxTreeSize),
  /** Size of the tree that `path` leads through; the head's size. */
  treeSize: z.int().min(1).max(maxTreeSize),
  /** Sibling hashes from the leaf to the root (RFC 6962 section 2.1.1). */
  path: pathSchema,
  /** Base64 of the canonical entry bytes; null or absent when retention has erased them. */
  entry: z
    .base64()
    .max(4 * Math.ceil(maxEntryBytes / 3))
    .nullish(),
  head: signedHeadSchema,
});
export type MessageProof = z.infer<typeof messageProofSchema>;

/** Two heads of one origin and the RFC 6962 section 2.1.2 proof that the older log is the beginning of the newer one. */
export const consistencyProofSchema = z.object({
  older: signedHeadSchema,
  newer: signedHeadSchema,
  path: pathSchema,
});
export type ConsistencyProof = z.infer<typeof consistencyProofSchema>;
