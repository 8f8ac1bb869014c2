import { hash } from 'node:crypto';
import { encodeToken } from '@grapevine/shared/contracts/consistency-token.ts';
import { encodeCursor } from '@grapevine/shared/contracts/cursor.ts';
import type { MessagesResponse, Topic, TopicsResponse } from '@grapevine/shared/contracts/node-api.ts';
import { requireTopicName } from '@grapevine/shared/contracts/topic-name.ts';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { type RequestHandler, Router } from 'express';
import { z } from 'zod';
import type { NodeService } from '../node-service.ts';
import type { MessageFilter } from '../views/message-filter.ts';
import { allow } from './authorize.ts';
import { isUnchanged } from './conditional.ts';
import { awaitConsistency } from './consistency.ts';
import { messageJson } from './message-json.ts';
import {
  consistencyParameters,
  limitParameter,
  optionalCursor,
  parseQuery,
  textParameter,
  timeParameter,
} from './query.ts';
import { pathParameter, resource, sendJson } from './routing.ts';

const topicsQuery = z.strictObject({
  ...consistencyParameters,
  limit: limitParameter,
  after: textParameter.optional(),
});
const topicQuery = z.strictObject(consistencyParameters);
const pageQuery = z.strictObject({
  ...consistencyParameters,
  limit: limitParameter,
  after: textParameter.optional(),
  before: textParameter.optional(),
  direction: z.enum(['forward', 'backward']).default('forward'),
  author: textParameter.optional(),
  key: textParameter.optional(),
  fromMs: timeParameter.optional(),
  untilMs: timeParameter.optional(),
});
type PageQuery = z.output<typeof pageQuery>;

/** `/v1/topics`, `/v1/topics/:topic` and its pages. */
export function topicsRoutes(service: NodeService): Router {
  const router = Router();
  const read = allow('messages:read');
  resource(router, '/v1/topics', { get: [read, listTopics(service)] });
  resource(router, '/v1/topics/:topic', { get: [read, showTopic(service)] });
  resource(router, '/v1/topics/:topic/messages', { get: [read, showPage(service)] });
  return router;
}

function listTopics(service: NodeService): RequestHandler {
  return async (request, response) => {
    const query = parseQuery(topicsQuery, request);
    const after = query.after === undefined ? undefined : requireTopicName(query.after);
    await awaitConsistency(service, query);
    // One more than asked for tells whether there is a next page.
    const found = service.views.topics(query.limit + 1, after);
    const items = found.slice(0, query.limit);
    const next = found.length > items.length ? (items.at(-1)?.name ?? null) : null;
    // Weak and without the token, which differs from node to node.
    const tag = hash('sha256', JSON.stringify([items, next]), 'base64url');
    if (isUnchanged(request, response, `W/"${tag}"`)) return;
    sendJson(response, 200, { items, next, token: encodeToken(service.views.vector()) } satisfies TopicsResponse);
  };
}

function showTopic(service: NodeService): RequestHandler {
  return async (request, response) => {
    const name = requireTopicName(pathParameter(request.params, 'topic'));
    await awaitConsistency(service, parseQuery(topicQuery, request));
    const topic = service.views.topic(name);
    if (topic === undefined) throw new GrapevineError('NOT_FOUND', `Nothing has been published to the topic ${name}.`);
    if (isUnchanged(request, response, `"${topic.digest}.${topic.count}"`)) return;
    sendJson(response, 200, topic);
  };
}

/** A topic to which nothing has been published is an empty page: readers may come before the first writer. */
function showPage(service: NodeService): RequestHandler {
  return async (request, response) => {
    const name = requireTopicName(pathParameter(request.params, 'topic'));
    const query = parseQuery(pageQuery, request);
    const after = optionalCursor(query.after);
    const before = optionalCursor(query.before);
    await awaitConsistency(service, query);
    const topic = service.views.topic(name) ?? emptyTopic(name);
    if (isUnchanged(request, response, pageTag(topic, query))) return;
    const { limit, direction } = query;
    const bounds = { ...(after === undefined ? {} : { after }), ...(before === undefined ? {} : { before }) };
    const { items, hasNext, hasPrevious, stop } = service.views.page({
      ...{ topic: name, limit, direction, ...bounds },
      filter: filterOf(query),
    });
    sendJson(response, 200, {
      topic,
      items: items.map(messageJson),
      hasNext,
      hasPrevious,
      ...(stop === undefined ? {} : { stop: encodeCursor(stop) }),
      token: encodeToken(service.views.vector()),
    } satisfies MessagesResponse);
  };
}

/**
 * Made of what the page depends on, so that every node that holds the same messages gives the same tag. Weak, because the
 * token in the answer differs from node to node.
 */
function pageTag({ digest, count }: Topic, query: PageQuery): string {
  const { limit, direction, after, before } = query;
  const filter = Object.values(filterOf(query));
  // Names of authors may have any characters.
  const chosen = filter.every((value) => value === undefined)
    ? ''
    : hash('sha256', JSON.stringify(filter), 'base64url');
  return `W/"${digest}.${count}.${limit}.${direction}.${after ?? ''}.${before ?? ''}${chosen}"`;
}

function filterOf({ author, key, fromMs, untilMs }: PageQuery): MessageFilter {
  return { author, key, fromMs, untilMs };
}

function emptyTopic(name: string): Topic {
  return { name, count: 0, digest: '0'.repeat(64), lastHlc: '0'.repeat(16) };
}
