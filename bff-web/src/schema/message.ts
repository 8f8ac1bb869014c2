import { hashSchema, type Message } from '@grapevine/shared/contracts/node-api.ts';
import { parseInput } from '@grapevine/shared/http/parse.ts';
import { hlcHexMs } from '@grapevine/shared/log/hlc.ts';
import { builder, type FieldRules } from './builder.ts';
import { InclusionProofType } from './inclusion-proof.ts';
import { NodeType } from './node.ts';

/** A proof is a call of its own to a node. */
const proofRules: FieldRules = { cost: 10, standsWithTopics: false };

export const MessageType = builder.objectRef<Message>('Message').implement({
  description: 'One message, as its origin wrote it. Messages never change.',
  interfaces: [NodeType],
  fields: (t) => ({
    id: t.exposeID('id', { description: 'SHA-256 over the message’s canonical bytes (RFC 6962 leaf hash), in hex.' }),
    topic: t.exposeString('topic'),
    author: t.exposeString('author', { description: 'The principal that published it.' }),
    contentType: t.exposeString('contentType'),
    body: t.exposeString('body'),
    headers: t.expose('headers', { type: 'JSON', nullable: true, description: 'Names and values, both text.' }),
    key: t.exposeString('key', { nullable: true, description: 'What the message is about, as its author named it.' }),
    origin: t.exposeID('origin', { description: 'The log that the message is in: one life of one node.' }),
    seq: t.expose('seq', { type: 'BigInt', description: 'Its place in that log, from 0 without holes.' }),
    createdAt: t.field({
      type: 'DateTime',
      description: 'When its origin accepted it, by the cluster’s hybrid clock.',
      resolve: ({ hlc }) => hlcHexMs(hlc),
    }),
    inclusionProof: t.field({
      type: InclusionProofType,
      nullable: true,
      description: 'Proves, without trust in any server, that the message is in its origin’s signed log.',
      extensions: { ...proofRules },
      resolve: ({ id }, _args, { loaders }) => loaders.proofs.load(id),
    }),
  }),
});

const readRules: FieldRules = { scope: 'messages:read' };

builder.queryField('message', (t) =>
  t.field({
    type: MessageType,
    nullable: true,
    description:
      'The message with this id; null when no replica that was asked holds it, with an error ERASED when only its hash is left.',
    args: { id: t.arg.id({ required: true }) },
    extensions: { ...readRules },
    resolve: (_root, { id }, { loaders }) => loaders.messages.load(parseInput(hashSchema, id, 'id')),
  }),
);

builder.queryField('inclusionProof', (t) =>
  t.field({
    type: InclusionProofType,
    nullable: true,
    description: 'Like `Message.inclusionProof`, also for a message that retention has erased.',
    args: { id: t.arg.id({ required: true }) },
    extensions: { ...readRules, ...proofRules },
    resolve: (_root, { id }, { loaders }) => loaders.proofs.load(parseInput(hashSchema, id, 'id')),
  }),
);
