import { encodeCursor } from '@grapevine/shared/contracts/cursor.ts';
import type { Message, MessagesResponse } from '@grapevine/shared/contracts/node-api.ts';
import { requireTopicName } from '@grapevine/shared/contracts/topic-name.ts';
import type { GraphContext } from '../graph-context.ts';
import { builder, type FieldRules } from './builder.ts';
import { MessageType } from './message.ts';
import { filterArgument, filterCosts } from './message-filter.ts';
import { type PageArguments, readMessagePage } from './page-arguments.ts';

/** A page, and which way it was asked for. */
interface MessagePage extends MessagesResponse {
  readonly direction: 'forward' | 'backward';
}

interface MessageEdge {
  readonly cursor: string;
  readonly node: Message;
}

const MessageEdgeType = builder.objectRef<MessageEdge>('MessageEdge').implement({
  fields: (t) => ({
    cursor: t.exposeString('cursor', { description: 'The message’s place; the same on every replica.' }),
    node: t.expose('node', { type: MessageType }),
  }),
});

export const MessageConnectionType = builder.objectRef<MessagePage>('MessageConnection').implement({
  description:
    'One page of a topic, oldest first whichever way it was asked for; the order is the same on every replica.',
  fields: (t) => ({
    edges: t.field({ type: [MessageEdgeType], resolve: ({ items }) => items.map(edgeOf) }),
    pageInfo: t.field({
      type: builder.pageInfoRef(),
      resolve: ({ items, hasNext, hasPrevious, direction, stop }) => ({
        hasNextPage: hasNext,
        hasPreviousPage: hasPrevious,
        startCursor: (direction === 'backward' ? stop : undefined) ?? cursorOf(items.at(0)),
        endCursor: (direction === 'forward' ? stop : undefined) ?? cursorOf(items.at(-1)),
      }),
    }),
    totalCount: t.int({ description: 'Messages in the topic.', resolve: ({ topic }) => topic.count }),
    consistencyToken: t.exposeString('token', { description: 'Covers everything that this page was built from.' }),
  }),
});

/** One page of `topic`. Throws `INVALID_TOPIC`, `INVALID_ARGUMENT`, `INVALID_CURSOR`, or what the cluster answers. */
export async function readMessages(topic: string, args: PageArguments, context: GraphContext): Promise<MessagePage> {
  const asked = readMessagePage(args);
  const consistency = asked.consistency ?? context.consistency;
  const page = await context.cluster.messages(context.caller, requireTopicName(topic), { ...asked, consistency });
  context.reportPage({ topic: page.topic.name, digest: page.topic.digest, token: page.token });
  return { ...page, direction: asked.direction };
}

const rules: FieldRules = { scope: 'messages:read', standsWithTopics: true, argumentCosts: filterCosts };

builder.queryField('messages', (t) =>
  t.field({
    type: MessageConnectionType,
    description: 'Messages of a topic, by pages in both directions. `last` without `before` starts at the newest.',
    args: {
      topic: t.arg.string({ required: true }),
      ...t.arg.connectionArgs(),
      ...filterArgument(),
      consistencyToken: t.arg.string({ description: 'Only a replica that holds what the token covers answers.' }),
    },
    extensions: { ...rules },
    resolve: (_root, { topic, ...args }, context) => readMessages(topic, args, context),
  }),
);

function edgeOf(message: Message): MessageEdge {
  return { cursor: encodeCursor(message), node: message };
}

function cursorOf(message: Message | undefined): string | null {
  return message === undefined ? null : encodeCursor(message);
}
