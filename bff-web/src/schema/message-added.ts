import type { MessageEvent } from '@grapevine/shared/cluster-client/message-stream.ts';
import { requireTopicName } from '@grapevine/shared/contracts/topic-name.ts';
import { builder, type FieldRules } from './builder.ts';
import { MessageType } from './message.ts';
import { readToken } from './page-arguments.ts';

const MessageEventType = builder.objectRef<MessageEvent>('MessageEvent').implement({
  fields: (t) => ({
    message: t.expose('message', { type: MessageType }),
    consistencyToken: t.exposeString('token', {
      description: 'Give the last one as `since` to go on after a lost connection, with nothing missed or repeated.',
    }),
  }),
});

const rules: FieldRules = { scope: 'messages:read' };

builder.subscriptionField('messageAdded', (t) =>
  t.field({
    type: MessageEventType,
    description: 'Messages of a topic as they arrive at a replica; starts at the present without `since`.',
    args: { topic: t.arg.string({ required: true }), since: t.arg.string() },
    extensions: { ...rules },
    subscribe: (_root, { topic, since }, { cluster, caller }) =>
      cluster.stream(caller, { topic: requireTopicName(topic), since: readToken(since) }),
    resolve: (event) => event,
  }),
);
