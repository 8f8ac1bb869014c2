/** What clients send, as schemas: requests are checked with them. */
import { expected } from '@grapevine/shared/contracts/expected.ts';
import { limits } from '@grapevine/shared/contracts/limits.ts';
import { draftSchema, tokenSchema } from '@grapevine/shared/contracts/node-api.ts';
import { topicNameSchema } from '@grapevine/shared/contracts/topic-name.ts';
import { wholeNumber } from '@grapevine/shared/contracts/whole-number.ts';
import { z } from 'zod';

/**
 * Longest consistency token that is taken, in characters: 279 origins. It goes on to a node inside a URL, which has 16 KiB
 * for all headers together.
 */
const maxTokenLength = 8_192;
/** Longest list of topics in one sync, in characters: three times as many in a node's URL, for the same 16 KiB. */
const maxTopicsLength = 2_000;

/** Longest `wait` of a sync in seconds: proxies on the way, ours included, give up on an answer after 30. */
const maxWaitSeconds = 25;
/** Messages in one outbox: few enough for one commit, and for a phone to send the whole again. */
export const maxOutboxItems = 100;

/** `?before=end` starts a walk back from the newest message. Cursors are 40 characters long, so no cursor reads the same. */
export const endOfTopic = 'end';

const cursorSchema = z.string().min(1).max(256);
const clientTokenSchema = tokenSchema.max(maxTokenLength, expected(`a token of at most ${maxTokenLength} characters`));

export const consistencyHeader = 'grapevine-consistency';
export const tokenHeaderSchema = clientTokenSchema.optional();

export const topicsQuerySchema = z.strictObject({
  limit: pageLimit(),
  after: topicNameSchema.optional().describe('A topic name: the page starts behind it, in byte order of the names.'),
});

export const messagesQuerySchema = z
  .strictObject({
    limit: pageLimit(),
    after: cursorSchema.optional().describe('`next` of a page that was walked to forward.'),
    before: cursorSchema
      .optional()
      .describe(
        `\`next\` of a page that was walked to backward, or \`${endOfTopic}\` for the newest. Not with \`after\`.`,
      ),
  })
  .refine(({ after, before }) => after === undefined || before === undefined, 'expected after or before, found both');

export const publishQuerySchema = z.strictObject({
  acks: wholeNumber(1, limits.acks)
    .optional()
    .describe('Nodes that must have the message on disk before the answer; 1 when absent.'),
  timeoutMs: wholeNumber(0, limits.waitMs)
    .optional()
    .describe('Longest wait for them, in milliseconds; 5,000 when absent.'),
});

/** The body of a publish; topic and idempotency key come from the path and a header. */
export const publishBodySchema = draftSchema.omit({ topic: true, idempotencyKey: true });
export const idempotencyKeyHeader = 'idempotency-key';
export const idempotencyKeySchema = draftSchema.shape.idempotencyKey;

export const syncQuerySchema = z.strictObject({
  since: clientTokenSchema.optional().describe('The token of the last sync; everything from the start when absent.'),
  topics: z
    .string()
    .max(maxTopicsLength)
    .transform((list) => list.split(','))
    .pipe(z.array(topicNameSchema))
    .optional()
    .describe('Names of topics, separated by commas; all when absent.'),
  limit: pageLimit(),
  wait: wholeNumber(0, maxWaitSeconds).default(0).describe('Seconds to wait for news when there are none yet.'),
});

/** The body of an outbox. Items are looked at one by one: a bad one is refused without holding up the others. */
export const outboxBodySchema = z.strictObject({
  items: z.custom<readonly unknown[]>(
    (value) => Array.isArray(value) && value.length >= 1 && value.length <= maxOutboxItems,
    expected(`1 to ${maxOutboxItems} items`),
  ),
});
export const outboxItemSchema = draftSchema.required({ idempotencyKey: true });
export type OutboxItem = z.infer<typeof outboxItemSchema>;

/** For resources that have no options. */
export const noQuerySchema = z.strictObject({});

function pageLimit() {
  return wholeNumber(1, limits.pageSize)
    .default(limits.defaultPageSize)
    .describe(`Items at most; ${limits.defaultPageSize} when absent.`);
}
