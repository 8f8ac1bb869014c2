/** What clients get, as schemas. A field that is absent has its default: what is empty or usual is not sent to a phone. */
import { hashSchema, memberStateSchema, originSchema, tokenSchema } from '@grapevine/shared/contracts/node-api.ts';
import { z } from 'zod';

const size = z.int().min(0);
/** Pass it on to get the next page in the same direction; null at the end. */
const next = z.string().nullable().default(null);

export const messageSchema = z.object({
  id: hashSchema,
  topic: z.string(),
  author: z.string(),
  /** When the first node accepted it, ISO 8601 in UTC with milliseconds. */
  at: z.iso.datetime(),
  body: z.string(),
  /** Absent: `defaultContentType`. */
  contentType: z.string().optional(),
  key: z.string().optional(),
  /** Absent: none. */
  headers: z.record(z.string(), z.string()).optional(),
  origin: originSchema,
  seq: size,
});

export const topicSchema = z.object({
  name: z.string(),
  count: size,
  digest: hashSchema,
  /** Time of the newest message. */
  lastAt: z.iso.datetime(),
});

export const topicPageSchema = z.object({ items: z.array(topicSchema), next });
/** In topic order, newest last, whatever the direction of the walk. */
export const messagePageSchema = z.object({ items: z.array(messageSchema), next });

export const publishedSchema = z.object({
  id: hashSchema,
  origin: originSchema,
  seq: size,
  /** Nodes that have the message on disk. */
  heldBy: z.int().min(1),
  token: tokenSchema,
});

/** What became of one item of an outbox: its place, or why it was refused. */
export const outboxResultSchema = z.union([
  z.object({
    idempotencyKey: z.string(),
    id: hashSchema,
    origin: originSchema,
    seq: size,
    heldBy: z.int().min(1),
    /** True when an earlier sending had arrived already. */
    duplicate: z.boolean(),
  }),
  z.object({
    /** Absent when the item has none that could be read. */
    idempotencyKey: z.string().optional(),
    error: z.object({
      code: z.string(),
      title: z.string(),
      detail: z.string(),
      /** Whether sending the same again can succeed; if not, the item has to be changed or dropped. */
      retryable: z.boolean(),
    }),
  }),
]);

/** One result for each item, in their order. */
export const outboxSchema = z.object({
  results: z.array(outboxResultSchema),
  /** Covers every message that was accepted; absent when none was. */
  token: tokenSchema.optional(),
});

export const syncSchema = z.object({ items: z.array(messageSchema), token: tokenSchema, more: z.boolean() });

export const consistencySchema = z.object({
  verdict: z.enum(['equal', 'behind', 'forked', 'unreachable']),
  nodes: z.array(
    z.object({
      name: z.string(),
      origin: originSchema,
      state: memberStateSchema,
      reachable: z.boolean(),
      root: hashSchema.nullable().default(null),
      messages: size.nullable().default(null),
    }),
  ),
  pairs: z.array(
    z.object({
      a: z.string(),
      b: z.string(),
      /** How `a` stands to `b`. */
      state: z.enum(['equal', 'behind', 'ahead', 'diverged', 'forked', 'unreachable']),
      by: size,
    }),
  ),
});
