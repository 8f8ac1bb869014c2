import { encodeToken } from '@grapevine/shared/contracts/consistency-token.ts';
import type { SyncResponse } from '@grapevine/shared/contracts/node-api.ts';
import { requireTopicName } from '@grapevine/shared/contracts/topic-name.ts';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { type RequestHandler, Router } from 'express';
import { z } from 'zod';
import type { NodeService } from '../node-service.ts';
import { allow } from './authorize.ts';
import { awaitConsistency, placeOf } from './consistency.ts';
import { messageJson } from './message-json.ts';
import { consistencyParameters, limitParameter, parseQuery, textParameter } from './query.ts';
import { resource, sendJson } from './routing.ts';

/** Topics in one read; every entry is held against each of them. */
const maxTopics = 100;

const syncQuery = z.strictObject({
  ...consistencyParameters,
  limit: limitParameter,
  since: textParameter.optional(),
  topics: textParameter.optional(),
});

/** `/v1/sync`: what a reader lacks, page by page; without `since` from the very beginning. */
export function syncRoutes(service: NodeService): Router {
  const router = Router();
  resource(router, '/v1/sync', { get: [allow('messages:read'), sync(service)] });
  return router;
}

function sync(service: NodeService): RequestHandler {
  return async (request, response) => {
    const query = parseQuery(syncQuery, request);
    const since = placeOf(service, query.since) ?? new Map();
    const topics = topicsIn(query.topics);
    await awaitConsistency(service, query);
    const { items, vector, more } = service.views.since(since, topics, query.limit);
    sendJson(response, 200, {
      items: items.map(messageJson),
      token: encodeToken(vector),
      more,
    } satisfies SyncResponse);
  };
}

function topicsIn(list: string | undefined): ReadonlySet<string> {
  if (list === undefined) return new Set();
  const topics = new Set(list.split(',').map(requireTopicName));
  if (topics.size <= maxTopics) return topics;
  throw new GrapevineError('INVALID_ARGUMENT', `topics: found ${topics.size}, expected at most ${maxTopics}.`);
}
