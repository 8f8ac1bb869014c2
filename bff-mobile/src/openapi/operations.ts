import { hashSchema } from '@grapevine/shared/contracts/node-api.ts';
import { messageProofSchema } from '@grapevine/shared/contracts/proof.ts';
import { topicNameSchema } from '@grapevine/shared/contracts/topic-name.ts';
import type { ErrorCode } from '@grapevine/shared/errors/catalogue.ts';
import type { Scope } from '@grapevine/shared/identity/scopes.ts';
import { z } from 'zod';
import {
  idempotencyKeySchema,
  maxOutboxItems,
  messagesQuerySchema,
  outboxItemSchema,
  publishBodySchema,
  publishQuerySchema,
  syncQuerySchema,
  tokenHeaderSchema,
  topicsQuerySchema,
} from '../contract/requests.ts';
import {
  consistencySchema,
  messagePageSchema,
  messageSchema,
  outboxSchema,
  publishedSchema,
  syncSchema,
  topicPageSchema,
} from '../contract/responses.ts';

/** A header or a part of the path, and what it means. */
export interface ParameterDescription {
  readonly name: string;
  readonly in: 'path' | 'header';
  readonly schema: z.ZodType;
  readonly description: string;
}

/** An answer that is not an error. `schema` is absent for one without a body. */
export interface AnswerDescription {
  readonly status: number;
  readonly description: string;
  readonly schema?: { readonly name: string; readonly of: z.ZodType };
  readonly headers: readonly HeaderName[];
  /** Those of them that only some of these answers have. */
  readonly optional?: readonly HeaderName[];
}

/** One operation as it is told to developers. Its schemas are those that check requests and answers. */
export interface OperationDescription {
  readonly method: 'get' | 'post';
  /** As OpenAPI writes it, under `/mobile/v1`. */
  readonly path: string;
  readonly id: string;
  readonly tag: string;
  readonly summary: string;
  readonly description: string;
  readonly scope: Scope;
  readonly parameters: readonly ParameterDescription[];
  readonly query?: z.ZodObject;
  readonly body?: { readonly name: string; readonly of: z.ZodType; readonly example: unknown };
  readonly answers: readonly AnswerDescription[];
  /** Beyond those that every operation can answer with. */
  readonly errors: readonly ErrorCode[];
}

export const answerHeaders = {
  ETag: 'Names this content; sent back as If-None-Match it gives 304 while it stands, at any node.',
  Link: 'The address of the next page (RFC 8288), while there is one.',
  Location: 'The address of the message.',
  'Grapevine-Consistency': 'Covers what this answer shows; reads that send it back include all of that, at any node.',
} as const;
export type HeaderName = keyof typeof answerHeaders;

/** What any operation may answer, the gateway in front of it included. */
export const commonErrors: readonly ErrorCode[] = [
  'BAD_REQUEST',
  'INVALID_ARGUMENT',
  'UNAUTHENTICATED',
  'REVOKED',
  'FORBIDDEN',
  'ADDRESS_REFUSED',
  'REQUEST_TIMEOUT',
  'HEADERS_TOO_LARGE',
  'RATE_LIMITED',
  'UPSTREAM_FAILED',
  'UNAVAILABLE',
  'OVERLOADED',
  'UPSTREAM_TIMEOUT',
];
const readErrors: readonly ErrorCode[] = ['QUARANTINED', 'NOT_CACHED'];
const bodyErrors: readonly ErrorCode[] = ['INVALID_JSON', 'PAYLOAD_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE'];
const publishErrors: readonly ErrorCode[] = [...bodyErrors, 'DISK_FULL', 'DISK_FAILED', 'OUTCOME_UNKNOWN'];

const topic: ParameterDescription = {
  name: 'topic',
  in: 'path',
  schema: topicNameSchema,
  description: 'A topic name as one segment: a / in it is sent as %2F.',
};
const id: ParameterDescription = {
  name: 'id',
  in: 'path',
  schema: hashSchema,
  description: 'The id of a message: the hash of its content.',
};
const token: ParameterDescription = {
  name: 'Grapevine-Consistency',
  in: 'header',
  schema: tokenHeaderSchema,
  description: 'A token from an earlier answer: only a node that holds everything it covers answers, or 409 NOT_YET.',
};
const lookedForToken: ParameterDescription = {
  ...token,
  description:
    'A token from an earlier answer: 404 means that a node that holds everything it covers has no such message; 409 NOT_YET that no such node answered.',
};
const ifNoneMatch: ParameterDescription = {
  name: 'If-None-Match',
  in: 'header',
  schema: z.string().optional(),
  description: 'The ETag of what the client has.',
};

const unchanged: AnswerDescription = {
  status: 304,
  description: 'What the client has still stands.',
  headers: ['ETag'],
};

export const operations: readonly OperationDescription[] = [
  {
    method: 'get',
    path: '/topics',
    id: 'listTopics',
    tag: 'topics',
    summary: 'List topics',
    description: 'Topics that have messages, in byte order of their names. `next` is the name to go on after.',
    scope: 'messages:read',
    parameters: [token, ifNoneMatch],
    query: topicsQuerySchema,
    answers: [
      {
        status: 200,
        description: 'A page of topics.',
        schema: { name: 'TopicPage', of: topicPageSchema },
        headers: ['ETag', 'Link', 'Grapevine-Consistency'],
        optional: ['Link'],
      },
      unchanged,
    ],
    errors: [...readErrors, 'INVALID_CURSOR', 'NOT_YET'],
  },
  {
    method: 'get',
    path: '/topics/{topic}/messages',
    id: 'listMessages',
    tag: 'messages',
    summary: 'Read a topic',
    description:
      'A page in topic order, newest last, whichever way it was reached. `after` walks forward from the oldest message, `before` backward, from the newest with `before=end`; `next` goes on the same way.',
    scope: 'messages:read',
    parameters: [topic, token, ifNoneMatch],
    query: messagesQuerySchema,
    answers: [
      {
        status: 200,
        description: 'A page of messages; empty for a topic that nobody has written to.',
        schema: { name: 'MessagePage', of: messagePageSchema },
        headers: ['ETag', 'Link', 'Grapevine-Consistency'],
        optional: ['Link'],
      },
      unchanged,
    ],
    errors: [...readErrors, 'INVALID_TOPIC', 'INVALID_CURSOR', 'NOT_YET'],
  },
  {
    method: 'post',
    path: '/topics/{topic}/messages',
    id: 'publish',
    tag: 'messages',
    summary: 'Publish a message',
    description:
      'With an idempotency key the same request may be sent again until an answer comes: it gives the same message. A message that `acks` nodes have on disk is lost only if all of them are.',
    scope: 'messages:write',
    parameters: [
      topic,
      {
        name: 'Idempotency-Key',
        in: 'header',
        schema: idempotencyKeySchema,
        description: 'Chosen by the client, new for each message; the same for each sending of one.',
      },
    ],
    query: publishQuerySchema,
    body: { name: 'Draft', of: publishBodySchema, example: { body: '4 crates of grapes' } },
    answers: [
      {
        status: 201,
        description: 'As many nodes as asked for hold the message.',
        schema: { name: 'Published', of: publishedSchema },
        headers: ['Location', 'ETag', 'Grapevine-Consistency'],
      },
      {
        status: 202,
        description: 'Accepted, but fewer than `acks` nodes held it within `timeoutMs`; `heldBy` counts them.',
        schema: { name: 'Published', of: publishedSchema },
        headers: ['Location', 'ETag', 'Grapevine-Consistency'],
      },
    ],
    errors: [...publishErrors, 'INVALID_TOPIC'],
  },
  {
    method: 'get',
    path: '/messages/{id}',
    id: 'getMessage',
    tag: 'messages',
    summary: 'Read one message',
    description: 'The message with this id, wherever it is held.',
    scope: 'messages:read',
    parameters: [id, lookedForToken, ifNoneMatch],
    answers: [
      {
        status: 200,
        description: 'The message.',
        schema: { name: 'Message', of: messageSchema },
        headers: ['ETag', 'Grapevine-Consistency'],
      },
      unchanged,
    ],
    errors: [...readErrors, 'INVALID_CURSOR', 'NOT_FOUND', 'ERASED', 'NOT_YET'],
  },
  {
    method: 'get',
    path: '/messages/{id}/proof',
    id: 'getProof',
    tag: 'messages',
    summary: 'Prove a message',
    description:
      'That the message stands in the signed log of the node that accepted it (RFC 6962). It can be checked without trusting anybody.',
    scope: 'messages:read',
    parameters: [id, lookedForToken, ifNoneMatch],
    answers: [
      {
        status: 200,
        description: 'The proof.',
        schema: { name: 'Proof', of: messageProofSchema },
        headers: ['ETag', 'Grapevine-Consistency'],
      },
      unchanged,
    ],
    errors: [...readErrors, 'INVALID_CURSOR', 'NOT_FOUND', 'NOT_YET'],
  },
  {
    method: 'get',
    path: '/sync',
    id: 'sync',
    tag: 'offline',
    summary: 'Fetch what is new',
    description:
      'What the client has not seen, from any node: send the last `token` as `since`; without one everything comes from the start. `more` says to ask again at once. With `wait` an empty answer is held back until there is news, for so many seconds at the most.',
    scope: 'messages:read',
    parameters: [token, ifNoneMatch],
    query: syncQuerySchema,
    answers: [
      {
        status: 200,
        description: 'New messages and the token to go on with.',
        schema: { name: 'Delta', of: syncSchema },
        headers: ['ETag', 'Grapevine-Consistency'],
      },
      unchanged,
    ],
    errors: [...readErrors, 'INVALID_CURSOR', 'NOT_YET'],
  },
  {
    method: 'post',
    path: '/outbox',
    id: 'sendOutbox',
    tag: 'offline',
    summary: 'Send what was written offline',
    description: `Up to ${maxOutboxItems} messages, oldest first. Each gets a result at its place; those that can be taken are accepted together and in order. Send the whole again whenever the answer got lost. An error for the whole means that nothing was taken; after 413 send fewer at a time.`,
    scope: 'messages:write',
    parameters: [],
    query: publishQuerySchema,
    body: {
      name: 'Outbox',
      of: z.strictObject({ items: z.array(outboxItemSchema).min(1).max(maxOutboxItems) }),
      example: { items: [{ topic: 'orders/eu', body: '2 more', idempotencyKey: 'order-17' }] },
    },
    answers: [
      {
        status: 200,
        description: 'One result for each item. Without a token, and the header, when none was accepted.',
        schema: { name: 'OutboxResults', of: outboxSchema },
        headers: ['Grapevine-Consistency'],
        optional: ['Grapevine-Consistency'],
      },
    ],
    errors: publishErrors,
  },
  {
    method: 'get',
    path: '/cluster/consistency',
    id: 'getConsistency',
    tag: 'cluster',
    summary: 'Compare the replicas',
    description: 'Whether all nodes hold the same, asked of each of them now.',
    scope: 'cluster:read',
    parameters: [ifNoneMatch],
    answers: [
      {
        status: 200,
        description: 'The verdict, and what it rests on.',
        schema: { name: 'Consistency', of: consistencySchema },
        headers: ['ETag'],
      },
      unchanged,
    ],
    errors: [],
  },
];
