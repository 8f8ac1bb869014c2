/**
 * The node's internal HTTP API (`/v1`), as both ends see it. Nodes validate requests with these schemas, the cluster
 * client validates answers. Hashes, origins and hybrid clock values are lower-case hex; an `hlc` has 16 digits, so that
 * it sorts as text.
 */
import { z } from 'zod';
import { areMessages } from './are-messages.ts';
import { expected } from './expected.ts';
import { limits } from './limits.ts';
import { defaultContentType, mediaTypeSchema } from './media-type.ts';
import { topicNameSchema } from './topic-name.ts';

export const originSchema = z.string().regex(/^[0-9a-f]{32}$/, expected('32 hexadecimal digits'));
export const hashSchema = z.string().regex(/^[0-9a-f]{64}$/, expected('64 hexadecimal digits'));
const hlcSchema = z.string().regex(/^[0-9a-f]{16}$/, expected('16 hexadecimal digits'));
/** Opaque to clients; see `consistency-token.ts`. Its longest form names 1,024 origins. */
export const tokenSchema = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,30042}$/, expected('a consistency token as it was received'));
const sizeSchema = z.int().min(0);

const wellFormed = (text: string): boolean => text.isWellFormed();
/** Text that survives UTF-8: a lone surrogate would come back as another character. */
const textSchema = z.string().refine(wellFormed, 'expected well-formed Unicode, found a lone surrogate');

/** Headers of one message. */
const maxHeaders = 32;
/** Characters of one header. */
const maxHeaderValue = 1_024;

// Counts before the schema looks at each: it makes a note of every bad element, and hundreds of thousands overflow its stack.
const fewHeaders = z.custom<Record<string, unknown>>(
  (value) =>
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    // Records drop this name without a word.
    !Object.hasOwn(value, '__proto__') &&
    Object.keys(value).length <= maxHeaders,
  expected(`an object of at most ${maxHeaders} headers, none of them named __proto__`),
);

const headersSchema = fewHeaders
  .pipe(
    z.record(
      z.string().regex(/^[a-z0-9!#$%&'*+.^_`|~-]{1,64}$/, expected('a lower-case header name')),
      textSchema.max(maxHeaderValue),
    ),
  )
  .meta({
    type: 'object',
    maxProperties: maxHeaders,
    additionalProperties: { type: 'string', maxLength: maxHeaderValue },
  });

/** What a client says of a message; the rest is added by the node that accepts it. */
export const draftSchema = z.strictObject({
  topic: topicNameSchema,
  body: textSchema,
  contentType: mediaTypeSchema.default(defaultContentType),
  key: textSchema.min(1).max(256).optional(),
  headers: headersSchema.default({}),
  idempotencyKey: textSchema.min(1).max(128).optional(),
});
export type Draft = z.infer<typeof draftSchema>;
export type DraftInput = z.input<typeof draftSchema>;

/** As many messages as one request may have; none of them is looked at yet. */
export const fewDrafts = z.custom<readonly unknown[]>(
  (value) => Array.isArray(value) && value.length >= 1 && value.length <= limits.publishBatch,
  expected(`1 to ${limits.publishBatch} messages`),
);

/**
 * `POST /v1/messages`. The author is the verified identity's subject. All drafts are accepted, in order, or none; a problem
 * with one of them has its index as `message`.
 */
export const publishRequestSchema = z.strictObject({
  messages: fewDrafts.pipe(z.array(draftSchema)),
  /** How many nodes, this one included, must have flushed the messages before the answer. */
  acks: z.int().min(1).max(limits.acks).default(1),
  timeoutMs: z.int().min(0).max(limits.waitMs).default(5_000),
});
export type PublishRequest = z.infer<typeof publishRequestSchema>;
export type PublishRequestInput = Omit<z.input<typeof publishRequestSchema>, 'messages'> & {
  readonly messages: readonly DraftInput[];
};

const publishResultSchema = z.object({
  id: hashSchema,
  origin: originSchema,
  seq: sizeSchema,
  hlc: hlcSchema,
  /** True when the idempotency key was known: this is the first message, not a new one. */
  duplicate: z.boolean(),
  heldBy: z.int().min(1),
});
export type PublishResult = z.infer<typeof publishResultSchema>;

/** Status 201 when `acks` nodes hold everything, 202 when `timeoutMs` passed first; `heldBy` is true either way. */
export const publishResponseSchema = z.object({
  results: z.array(publishResultSchema),
  token: tokenSchema,
});
export type PublishResponse = z.infer<typeof publishResponseSchema>;

export const messageSchema = z.object({
  id: hashSchema,
  origin: originSchema,
  seq: sizeSchema,
  hlc: hlcSchema,
  topic: z.string(),
  author: z.string(),
  contentType: z.string(),
  headers: z.record(z.string(), z.string()),
  key: z.string().nullable(),
  body: z.string(),
});
export type Message = z.infer<typeof messageSchema>;

/** The schema of items speaks only where something is wrong, to say what. */
const messagesSchema = z.custom<Message[]>(areMessages).or(z.array(messageSchema));

export const topicSchema = z.object({
  name: z.string(),
  count: z.int().min(0),
  /** Sum of the message ids modulo 2^256: equal on every node that holds the same messages, in any order. */
  digest: hashSchema,
  /** The newest message's clock value. */
  lastHlc: hlcSchema,
});
export type Topic = z.infer<typeof topicSchema>;

/** `GET /v1/topics?limit=&after=<name>`: topics in name order (byte-wise). */
export const topicsResponseSchema = z.object({
  items: z.array(topicSchema),
  next: z.string().nullable(),
  /** Covers everything this answer was built from. */
  token: tokenSchema,
});
export type TopicsResponse = z.infer<typeof topicsResponseSchema>;

/**
 * `GET /v1/topics/:topic/messages?limit=&after=&before=&direction=forward|backward&consistency=<token>`, in topic order
 * `(hlc, origin, seq)` whatever the direction. `&author=&key=&fromMs=&untilMs=` leave out what does not fit: the time is that
 * of the clock values, from `fromMs` on and before `untilMs`.
 */
export const messagesResponseSchema = z.object({
  topic: topicSchema,
  items: messagesSchema,
  hasNext: z.boolean(),
  hasPrevious: z.boolean(),
  /** The cursor to go on from when a search by author or key ended before it had found `limit` messages; the limit is the node's. */
  stop: z.string().optional(),
  /** Covers everything this answer was built from. */
  token: tokenSchema,
});
export type MessagesResponse = z.infer<typeof messagesResponseSchema>;

/**
 * `GET /v1/messages?ids=a,b,c`: one place per id, in the order asked; null where this node holds no such message. `erased`
 * names those of which it has only the hash left.
 */
export const messagesByIdResponseSchema = z.object({
  items: z.array(messageSchema.nullable()),
  erased: z.array(hashSchema),
});
export type MessagesByIdResponse = z.infer<typeof messagesByIdResponseSchema>;

export const signedHeadSchema = z.object({
  origin: originSchema,
  size: sizeSchema,
  root: hashSchema,
  hlc: hlcSchema,
  publicKey: hashSchema,
  signature: z.string().regex(/^[0-9a-f]{128}$/, expected('128 hexadecimal digits')),
});
export type SignedHeadJson = z.infer<typeof signedHeadSchema>;

/** `GET /v1/heads`: everything that is needed to compare two nodes. */
export const headsResponseSchema = z.object({ node: z.string(), root: hashSchema, heads: z.array(signedHeadSchema) });
export type HeadsResponse = z.infer<typeof headsResponseSchema>;

/** `GET /v1/root` */
export const rootResponseSchema = z.object({
  node: z.string(),
  origin: originSchema,
  root: hashSchema,
  messages: sizeSchema,
  origins: sizeSchema,
  token: tokenSchema,
});
export type RootResponse = z.infer<typeof rootResponseSchema>;

/** Hashes one after the other: half as long as hex, so that a fork among a million entries is located with 4 KB. */
const hashesSchema = z.base64url().max(16_384);

/**
 * `GET /v1/origins/:id/root?size=&peaks=true`: 404 when this node holds fewer entries than `size`. With `peaks`, the roots of
 * the complete subtrees that the root is folded from, largest first.
 */
export const originRootResponseSchema = z.object({
  origin: originSchema,
  size: sizeSchema,
  root: hashSchema,
  peaks: hashesSchema.optional(),
});
export type OriginRootResponse = z.infer<typeof originRootResponseSchema>;

/** `GET /v1/origins/:id/consistency?from=&to=`: an RFC 6962 section 2.1.2 proof. */
export const consistencyResponseSchema = z.object({
  origin: originSchema,
  from: sizeSchema,
  to: sizeSchema,
  path: z.array(hashSchema),
});
export type ConsistencyResponse = z.infer<typeof consistencyResponseSchema>;

/**
 * `GET /v1/origins/:id/subtree?level=&index=`: the hash of the complete subtree over leaves [index·2^level, (index+1)·2^level).
 * With `depth=`, instead the 2^depth hashes so many levels below it, from left to right.
 */
export const subtreeResponseSchema = z.object({
  origin: originSchema,
  level: z.int().min(0).max(48),
  index: sizeSchema,
  hash: hashSchema,
});
export const belowResponseSchema = z.object({ below: hashesSchema });
export type BelowResponse = z.infer<typeof belowResponseSchema>;
export type SubtreeResponse = z.infer<typeof subtreeResponseSchema>;

/** How one side of a comparison stands to the other, for one origin, at the smaller of the two sizes. */
export const originStateSchema = z.enum(['equal', 'behind', 'ahead', 'forked']);
export const originComparisonSchema = z.object({
  origin: originSchema,
  state: originStateSchema,
  sizeA: sizeSchema,
  sizeB: sizeSchema,
  /** How many entries `a` is behind or ahead; 0 when equal or forked. */
  by: sizeSchema,
  /** Where it forked: the first entry that differs, and its id on either side. Absent when too many logs are to be located. */
  fork: z.object({ seq: sizeSchema, a: hashSchema, b: hashSchema }).optional(),
});
export type OriginComparison = z.infer<typeof originComparisonSchema>;

/** `GET /v1/compare?peer=<node name>`. `verdict` is the worst of the origins; a node both behind and ahead is `diverged`, which is lag, not damage. */
export const comparisonSchema = z.object({
  a: z.string(),
  b: z.string(),
  verdict: z.enum(['equal', 'behind', 'ahead', 'diverged', 'forked']),
  behindBy: sizeSchema,
  aheadBy: sizeSchema,
  origins: z.array(originComparisonSchema),
});
export type Comparison = z.infer<typeof comparisonSchema>;

/** One side of a fork: what a node showed of a log, and what proves it. */
const forkSideSchema = z.object({
  head: signedHeadSchema,
  /** Root of the first `size` entries of the log that this is the head of. */
  root: hashSchema,
  /** Proves that the head's log begins with those entries (RFC 6962 section 2.1.2). */
  path: z.array(hashSchema).max(128),
  /** Id of the first entry that differs. */
  id: hashSchema,
});
/**
 * Two histories that one origin has signed. Who has this can prove it to anybody: both heads are signed, both paths lead to
 * roots of the same size, and the roots differ.
 */
export const forkSchema = z.object({
  origin: originSchema,
  /** The first entry that differs. */
  seq: sizeSchema,
  /** The size at which the two logs were compared: the smaller of both. */
  size: sizeSchema,
  own: forkSideSchema,
  other: forkSideSchema,
  /** The node that showed the other side, when it was last seen. */
  peer: z.string(),
  foundMs: z.int().min(0),
  seenMs: z.int().min(0),
  /** When the peer no longer contradicted; null while it does. */
  endedMs: z.int().min(0).nullable(),
});
export type ForkSide = z.infer<typeof forkSideSchema>;
export type Fork = z.infer<typeof forkSchema>;

/** `GET /v1/forks`: every fork that this node has seen and remembers, those that last first. */
export const forksResponseSchema = z.object({ forks: z.array(forkSchema) });
export type ForksResponse = z.infer<typeof forksResponseSchema>;

export const memberStateSchema = z.enum(['alive', 'suspect', 'dead', 'left']);
export type MemberState = z.infer<typeof memberStateSchema>;

/** A stream of a peer's segments that a node takes in because it is far behind. */
export const catchUpSchema = z.object({
  /** Name of the peer. */
  from: z.string(),
  /** Messages taken so far, of as many as the peer was known to have more when the stream began. */
  entries: sizeSchema,
  of: sizeSchema,
  /** Since the stream began. */
  bytesPerSecond: sizeSchema,
});
export type CatchUp = z.infer<typeof catchUpSchema>;

const memberSchema = z.object({
  name: z.string(),
  origin: originSchema,
  /** Base URL of the member's HTTP API. */
  http: z.string(),
  /** `host:port` of the member's gossip socket. */
  udp: z.string(),
  state: memberStateSchema,
  /** When it started, in milliseconds since 1970; later than at every start before. */
  bootEpoch: z.int().min(0),
  incarnation: z.int().min(0),
  heartbeat: z.int().min(0),
  /** Versions of the protocol between nodes that it speaks. */
  versions: z.object({ lowest: z.int(), highest: z.int() }),
  /** The origin of another live process that goes by the same name, if there is one. */
  rival: originSchema.optional(),
  /** Messages that this member was last known to hold, over all origins; 0 when it never said. */
  messages: sizeSchema,
  /** Whether it is far behind: whoever wants to read does better at another node. */
  catchingUp: z.boolean().optional(),
  /** Only in the answering node's own record, which alone can tell; null while none is under way. */
  catchUp: catchUpSchema.nullable().optional(),
  /** Damaged segments that it has taken out of service and not mended yet; also only in its own record. */
  quarantined: z.int().min(0).optional(),
  /** Records of topics and indexes that were wrong, made anew from the logs since its start; also only in its own record. */
  mendedViews: z.int().min(0).optional(),
  /** Forks between its logs and those of others that last; also only in its own record. */
  forks: z.int().min(0).optional(),
});
export type Member = z.infer<typeof memberSchema>;

/** `GET /v1/members`: the answering node first. */
export const membersResponseSchema = z.object({
  self: z.string(),
  members: z.array(memberSchema),
  /** Which later process has this node's name or origin, if one does: then it does not write any more. */
  superseded: z.string().optional(),
  /** Origins that were heard lately in versions of the protocol that this node does not speak. */
  incompatible: z.array(z.object({ origin: originSchema, version: z.int() })).default([]),
});
export type MembersResponse = z.infer<typeof membersResponseSchema>;

/** `GET /v1/sync?since=&topics=a,b&limit=`: entries that `since` does not cover, each origin's in order. */
export const syncResponseSchema = z.object({ items: messagesSchema, token: tokenSchema, more: z.boolean() });
export type SyncResponse = z.infer<typeof syncResponseSchema>;

/**
 * `GET /v1/changes` answers `text/event-stream`: one event `changes` at once with the present and no topics, then one for
 * what was committed since the one before. `token` is what the node holds; a topic without messages has count 0. Not
 * resumable: a new connection starts at the present again.
 */
export const changesEventSchema = z.object({
  token: tokenSchema,
  topics: z.array(topicSchema.pick({ name: true, count: true, digest: true })),
});
export type ChangesEvent = z.infer<typeof changesEventSchema>;

/**
 * `GET /v1/stream?topic=&since=` answers `text/event-stream`: one event `message` per entry, `data` a `Message`, `id` a
 * token; a comment line every 10 s keeps idle connections open. Without `since` it starts at the present. A reader that does
 * not keep up is cut off with the event `cut`, `data` `{"reason":"slow-reader"}`, and resumes with its last token.
 */
export const streamKeepAliveMs = 10_000;
