import type { Topic, TopicsResponse } from '@grapevine/shared/contracts/node-api.ts';
import { requireTopicName } from '@grapevine/shared/contracts/topic-name.ts';
import { hlcHexMs } from '@grapevine/shared/log/hlc.ts';
import { builder, type FieldRules } from './builder.ts';
import { MessageConnectionType, readMessages } from './message-connection.ts';
import { filterArgument, filterCosts } from './message-filter.ts';
import { NodeType, topicId } from './node.ts';
import { readSize, readTopicCursor, topicCursor } from './page-arguments.ts';

const pageRules: FieldRules = { argumentCosts: filterCosts };

const TopicType = builder.objectRef<Topic>('Topic').implement({
  description: 'A topic exists from its first message on.',
  interfaces: [NodeType],
  fields: (t) => ({
    id: t.id({ description: 'Stands for the name in `node`.', resolve: ({ name }) => topicId(name) }),
    name: t.exposeString('name'),
    count: t.exposeInt('count', { description: 'Messages in it.' }),
    digest: t.exposeString('digest', {
      description: 'Sum of the message ids modulo 2^256, in hex: equal on replicas that hold the same messages.',
    }),
    lastMessageAt: t.field({ type: 'DateTime', resolve: ({ lastHlc }) => hlcHexMs(lastHlc) }),
    messages: t.field({
      type: MessageConnectionType,
      args: { ...t.arg.connectionArgs(), ...filterArgument(), consistencyToken: t.arg.string() },
      extensions: { ...pageRules },
      resolve: ({ name }, args, context) => readMessages(name, args, context),
    }),
  }),
});

const TopicEdgeType = builder.objectRef<Topic>('TopicEdge').implement({
  fields: (t) => ({
    cursor: t.string({ resolve: ({ name }) => topicCursor(name) }),
    node: t.field({ type: TopicType, resolve: (topic) => topic }),
  }),
});

/** `after`: the cursor that the page was asked for with. */
const TopicConnectionType = builder
  .objectRef<TopicsResponse & { readonly after: string | undefined }>('TopicConnection')
  .implement({
    description: 'Topics in byte order of their names.',
    fields: (t) => ({
      edges: t.field({ type: [TopicEdgeType], resolve: ({ items }) => items }),
      pageInfo: t.field({
        type: builder.pageInfoRef(),
        resolve: ({ items, next, after }) => ({
          hasNextPage: next !== null,
          // Pages only go forward: what comes before is known only to whoever gave a cursor.
          hasPreviousPage: after !== undefined,
          startCursor: cursorOf(items.at(0)),
          endCursor: cursorOf(items.at(-1)),
        }),
      }),
    }),
  });

const rules: FieldRules = { scope: 'messages:read' };

builder.queryFields((t) => ({
  topics: t.field({
    type: TopicConnectionType,
    args: { first: t.arg.int(), after: t.arg.string() },
    extensions: { ...rules },
    resolve: async (_root, args, { cluster, caller, consistency, reportToken }) => {
      const after = readTopicCursor(args.after);
      const limit = readSize('first', args.first);
      const page = await cluster.topics(caller, { limit, after, consistency });
      reportToken(page.token);
      return { ...page, after };
    },
  }),
  topic: t.field({
    type: TopicType,
    nullable: true,
    description: 'Null when nothing has been published to it.',
    args: { name: t.arg.string({ required: true }) },
    extensions: { ...rules },
    resolve: (_root, { name }, { cluster, caller, consistency }) =>
      cluster.topic(caller, requireTopicName(name), consistency),
  }),
}));

function cursorOf(topic: Topic | undefined): string | null {
  return topic === undefined ? null : topicCursor(topic.name);
}
