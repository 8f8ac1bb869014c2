import { z } from 'zod';

const messageSchema = z.object({
  id: z.string(),
  topic: z.string(),
  author: z.string(),
  contentType: z.string(),
  body: z.string(),
  headers: z.record(z.string(), z.string()).nullable(),
  key: z.string().nullable(),
  origin: z.string(),
  seq: z.number(),
  createdAt: z.string(),
});
export type Message = z.infer<typeof messageSchema>;

const fields = 'id topic author contentType body headers key origin seq createdAt';

export const topicsSchema = z.object({
  topics: z.object({
    edges: z.array(z.object({ node: z.object({ name: z.string(), count: z.number(), lastMessageAt: z.string() }) })),
    pageInfo: z.object({ hasNextPage: z.boolean(), endCursor: z.string().nullable() }),
  }),
});
export const topicsQuery = `query Topics($after: String) { topics(first: 100, after: $after) {
  edges { node { name count lastMessageAt } } pageInfo { hasNextPage endCursor }
} }`;

export const pageSchema = z.object({
  messages: z.object({ edges: z.array(z.object({ node: messageSchema })) }),
});
export const pageQuery = `query Page($topic: String!, $last: Int!) { messages(topic: $topic, last: $last) {
  edges { node { ${fields} } }
} }`;

export const addedSchema = z.object({ messageAdded: z.object({ message: messageSchema }) });
export const addedSubscription = `subscription Added($topic: String!) { messageAdded(topic: $topic) {
  message { ${fields} }
} }`;

export const seenSchema = z.object({
  messageSeen: z.object({ node: z.string(), id: z.string().nullable(), atMs: z.number() }),
});
export const seenSubscription = 'subscription Seen($topic: String!) { messageSeen(topic: $topic) { node id atMs } }';

export const publishSchema = z.object({
  publish: z.object({ heldBy: z.number(), message: z.object({ id: z.string() }) }),
});
export const publishMutation = `mutation Publish($topic: String!, $body: String!) {
  publish(input: { topic: $topic, body: $body, contentType: "text/plain" }) { heldBy message { id } }
}`;

export const headFields = 'origin size root hlc publicKey signature';
/** The proof stays unknown: the verifier reads it, and believes nothing. */
export const messageAnswerSchema = z.object({ message: messageSchema.nullable() });
export const messageQuery = `query Message($id: ID!) { message(id: $id) { ${fields} } }`;
export const proofAnswerSchema = z.object({ inclusionProof: z.unknown() });
export const proofQuery = `query Proof($id: ID!) { inclusionProof(id: $id) {
  id origin seq treeSize path entry head { ${headFields} }
} }`;
