import { fromBase64Url, toBase64Url } from '@grapevine/shared/contracts/base64url.ts';
import { hashSchema, type Message, type Topic } from '@grapevine/shared/contracts/node-api.ts';
import { requireTopicName } from '@grapevine/shared/contracts/topic-name.ts';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { builder, type FieldRules } from './builder.ts';

export const NodeType = builder.interfaceRef<Message | Topic>('Node').implement({
  description: 'What can be read again by its id alone (Relay global object identification).',
  fields: (t) => ({ id: t.id({ resolve: idOf }) }),
  resolveType: (value) => ('digest' in value ? 'Topic' : 'Message'),
});

const topicPrefix = 'Topic:';

/** A topic's id, encoded so that nobody mistakes it for the name. A message has one by nature. */
export function topicId(name: string): string {
  return toBase64Url(new TextEncoder().encode(topicPrefix + name));
}

/** The name in a topic's id; undefined when it is none. */
function topicOfId(id: string): string | undefined {
  const text = new TextDecoder().decode(fromBase64Url(id));
  return text.startsWith(topicPrefix) ? text.slice(topicPrefix.length) : undefined;
}

const rules: FieldRules = { scope: 'messages:read' };

builder.queryField('node', (t) =>
  t.field({
    type: NodeType,
    nullable: true,
    description: 'The message or topic with this id; null when there is none.',
    args: { id: t.arg.id({ required: true }) },
    extensions: { ...rules },
    resolve: async (_root, { id }, { cluster, caller, consistency, loaders }) => {
      if (hashSchema.safeParse(id).success) return loaders.messages.load(id);
      const name = topicOfId(id);
      if (name !== undefined) return cluster.topic(caller, requireTopicName(name), consistency);
      throw new GrapevineError('INVALID_ARGUMENT', 'Expected an id exactly as it was received.');
    },
  }),
);

function idOf(value: Message | Topic): string {
  return 'digest' in value ? topicId(value.name) : value.id;
}
