import { ofOne } from '@grapevine/shared/cluster-client/of-one.ts';
import { limits } from '@grapevine/shared/contracts/limits.ts';
import { defaultContentType } from '@grapevine/shared/contracts/media-type.ts';
import {
  type Draft,
  draftSchema,
  fewDrafts,
  type Message,
  type PublishResult,
  publishRequestSchema,
} from '@grapevine/shared/contracts/node-api.ts';
import { requireTopicName } from '@grapevine/shared/contracts/topic-name.ts';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { parseInput } from '@grapevine/shared/http/parse.ts';
import { z } from 'zod';
import type { GraphContext } from '../graph-context.ts';
import { builder, type FieldRules } from './builder.ts';
import { MessageType } from './message.ts';

const PublishInputType = builder.inputType('PublishInput', {
  fields: (t) => ({
    topic: t.string({ required: true, description: '1 to 200 characters of A-Z a-z 0-9 . _ : / -' }),
    body: t.string({ required: true, description: `At most ${limits.messageBodyBytes} bytes of UTF-8.` }),
    contentType: t.string({ description: `A media type; ${defaultContentType} when absent.` }),
    key: t.string({ description: 'What the message is about; at most 256 characters.' }),
    headers: t.field({ type: 'JSON', description: 'An object of lower-case names and text values; at most 32.' }),
    idempotencyKey: t.string({
      description: 'Publishing again with the same key gives the first message back, also through another node.',
    }),
    acks: t.int({ description: 'Nodes that must have the message on disk before the answer; 1 when absent.' }),
    timeoutMs: t.int({ description: 'Longest wait for them, in milliseconds; 5000 when absent.' }),
  }),
});
type PublishInput = typeof PublishInputType.$inferInput;

interface PublishPayload {
  readonly message: Message;
  readonly heldBy: number;
  readonly consistencyToken: string;
}

const PublishPayloadType = builder.objectRef<PublishPayload>('PublishPayload').implement({
  fields: (t) => ({
    message: t.expose('message', { type: MessageType }),
    heldBy: t.exposeInt('heldBy', {
      description: 'Nodes that have it on disk: fewer than `acks` when they did not answer within `timeoutMs`.',
    }),
    consistencyToken: t.exposeString('consistencyToken', { description: 'Give it to a read to see this message.' }),
  }),
});

const rules: FieldRules = { scope: 'messages:write' };
const batchRules: FieldRules = { ...rules, items: limits.publishBatch };

builder.mutationFields((t) => ({
  publish: t.field({
    type: PublishPayloadType,
    args: { input: t.arg({ type: PublishInputType, required: true }) },
    extensions: { ...rules },
    resolve: async (_root, { input }, context) => {
      const [payload] = await ofOne(publish([readInput(input)], context));
      if (payload === undefined) throw new GrapevineError('INTERNAL', 'The answer lacks the message.');
      return payload;
    },
  }),
  publishBatch: t.field({
    type: [PublishPayloadType],
    description: `All messages, in order, or none; at most ${limits.publishBatch}. The largest \`acks\` and \`timeoutMs\` among them count for all.`,
    args: { input: t.arg({ type: [PublishInputType], required: true }) },
    extensions: { ...batchRules },
    resolve: (_root, { input }, context) => publish(readBatch(input), context),
  }),
}));

async function publish(inputs: readonly Input[], context: GraphContext): Promise<PublishPayload[]> {
  const messages = inputs.map(({ acks: _acks, timeoutMs: _timeoutMs, ...draft }) => draft);
  const { results, token } = await context.cluster.publish(context.caller, {
    messages,
    acks: largest(inputs.map(({ acks }) => acks)),
    timeoutMs: largest(inputs.map(({ timeoutMs }) => timeoutMs)),
  });
  if (results.length !== inputs.length) throw new GrapevineError('INTERNAL', 'The answer lacks messages.');
  context.reportToken(token);
  const payloads = results.map(async (result, i): Promise<PublishPayload> => {
    const message = await messageOf(result, messages[i], context);
    return { message, heldBy: result.heldBy, consistencyToken: token };
  });
  return Promise.all(payloads);
}

/** One message to publish, and the wishes that in a batch count for all. */
const inputSchema = draftSchema.extend({
  acks: publishRequestSchema.shape.acks.unwrap().optional(),
  timeoutMs: publishRequestSchema.shape.timeoutMs.unwrap().optional(),
});
type Input = z.output<typeof inputSchema>;
const batchSchema = fewDrafts.pipe(z.array(inputSchema));

function readInput(input: PublishInput): Input {
  requireTopicName(input.topic);
  return parseInput(inputSchema, withoutNulls(input), 'input');
}

function readBatch(inputs: readonly PublishInput[]): readonly Input[] {
  for (const { topic } of inputs) requireTopicName(topic);
  return parseInput(batchSchema, inputs.map(withoutNulls), 'input');
}

/** The message as accepted. Only for a repeated idempotency key it has to be fetched: it is the first one, not the one sent. */
async function messageOf(result: PublishResult, draft: Draft | undefined, context: GraphContext): Promise<Message> {
  if (draft === undefined || result.duplicate) {
    const first = await context.loaders.messages.load(result.id);
    if (first !== undefined) return first;
    throw new GrapevineError('NOT_YET', 'The first message under this idempotency key is not readable yet.');
  }
  const { id, origin, seq, hlc } = result;
  const { topic, contentType, headers, body, key = null } = draft;
  return { id, origin, seq, hlc, topic, author: context.caller.identity.subject, contentType, headers, key, body };
}

/** GraphQL says null where the contract says nothing. */
function withoutNulls(draft: Readonly<Record<string, unknown>>): unknown {
  return Object.fromEntries(Object.entries(draft).filter(([, value]) => value !== null));
}

function largest(values: readonly (number | undefined)[]): number | undefined {
  const given = values.filter((value) => value !== undefined);
  return given.length === 0 ? undefined : Math.max(...given);
}
