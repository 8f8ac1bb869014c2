import { requireTopicName } from '@grapevine/shared/contracts/topic-name.ts';
import { parseInput } from '@grapevine/shared/http/parse.ts';
import type { Request, Response, Router } from 'express';
import { z } from 'zod';
import { requiredConsistency } from '../consistency-header.ts';
import {
  idempotencyKeyHeader,
  idempotencyKeySchema,
  messagesQuerySchema,
  publishBodySchema,
  publishQuerySchema,
} from '../contract/requests.ts';
import { messagePageSchema, publishedSchema } from '../contract/responses.ts';
import { sharePage } from '../gateway-terms.ts';
import { linkNext } from '../link-next.ts';
import type { JsonReader } from '../read-json.ts';
import type { Context } from '../resolvers.ts';
import { type ResourcePorts, serveResource } from '../resource.ts';
import { run, storedDocument } from '../stored-documents.ts';
import { messageETag, messagePath } from './message.ts';

const messages = storedDocument(
  'messages',
  z.object({ messages: messagePageSchema.extend({ digest: z.string(), token: z.string() }) }),
);
const publish = storedDocument('publish', z.object({ publish: publishedSchema.extend({ acknowledged: z.boolean() }) }));

/**
 * `GET|POST /topics/{topic}/messages`; a `/` in the topic comes as `%2F`. Pages stand in topic order, newest last: `after`
 * walks forward from the oldest, `before` backward, from the newest with `before=end`; `next` goes on the same way.
 */
export function serveTopicMessages(router: Router, ports: ResourcePorts): void {
  serveResource(router, '/topics/:topic/messages', ports, {
    get: { scope: 'messages:read', handle: sendPage },
    post: {
      scope: 'messages:write',
      handle: (request, response, context) => publishOne(request, response, context, ports.readJson),
    },
  });
}

async function sendPage(request: Request, response: Response, context: Context): Promise<void> {
  const topic = topicOf(request);
  const query = parseInput(messagesQuerySchema, request.query, 'query');
  const consistency = requiredConsistency(request);
  const { messages: page } = await run(messages, { topic, ...query, consistency }, context);
  const { digest, token, ...body } = page;
  linkNext(request, response, query.before === undefined ? 'after' : 'before', body.next);
  response.set('Grapevine-Consistency', token);
  // The digest names the topic's set of messages and the address a part of it: no node needs to be asked for the bytes.
  response.set('ETag', `W/"${digest}"`);
  sharePage(request, response);
  response.json(body);
}

/** 201 when as many nodes as asked for hold the message, 202 when not all of them do in time; it is accepted either way. */
async function publishOne(request: Request, response: Response, context: Context, readJson: JsonReader): Promise<void> {
  const topic = topicOf(request);
  const query = parseInput(publishQuerySchema, request.query, 'query');
  const idempotencyKey = parseInput(idempotencyKeySchema, request.get(idempotencyKeyHeader), idempotencyKeyHeader);
  const body = parseInput(publishBodySchema, await readJson(request, response), 'request');
  const message = { ...body, topic, idempotencyKey };
  const { publish: published } = await run(publish, { message, ...query }, context);
  const { acknowledged, ...answer } = published;
  response.status(acknowledged ? 201 : 202);
  response.set({ Location: messagePath(request, answer.id), 'Grapevine-Consistency': answer.token });
  // In an answer to POST the validator is that of the resource at Location (RFC 9110 section 10.2.2).
  response.set('ETag', messageETag(answer.id));
  response.json(answer);
}

function topicOf(request: Request): string {
  const { topic } = request.params;
  return requireTopicName(typeof topic === 'string' ? topic : '');
}
