import { z } from 'zod';
import { hashSchema, originSchema, signedHeadSchema } from './node-api.ts';

/** `GET /v1/messages/:id/proof`: everything that is needed to check, without trusting anybody, that a message is in its origin's signed log. */
export const messageProofSchema = z.object({
  id: hashSchema,
  origin: originSchema,
  seq: z.int().min(0),
  /** Size of the tree that `path` leads through; the head's size. */
  treeSize: z.int().min(1),
  /** Sibling hashes from the leaf to the root (RFC 6962 section 2.1.1). */
  path: z.array(hashSchema),
  /** Base64 of the canonical entry bytes. */
  entry: z.base64(),
  head: signedHeadSchema,
});
export type MessageProof = z.infer<typeof messageProofSchema>;
