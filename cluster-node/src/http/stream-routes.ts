import { requireTopicName } from '@grapevine/shared/contracts/topic-name.ts';
import { Router } from 'express';
import { z } from 'zod';
import type { NodeService } from '../node-service.ts';
import { allow } from './authorize.ts';
import { placeOf } from './consistency.ts';
import { parseQuery, textParameter } from './query.ts';
import { resource } from './routing.ts';
import type { StreamHub } from './stream-hub.ts';

const streamQuery = z.strictObject({ topic: textParameter.optional(), since: textParameter.optional() });

/** `/v1/stream`: messages as they are committed; without `since` from the present on. */
export function streamRoutes(service: NodeService, hub: StreamHub): Router {
  const router = Router();
  resource(router, '/v1/stream', {
    get: [
      allow('messages:read'),
      (request, response) => {
        const { topic, since } = parseQuery(streamQuery, request);
        const name = topic === undefined ? undefined : requireTopicName(topic);
        const from = placeOf(service, since) ?? service.views.vector();
        hub.open(response, name, from);
        // A stream never ends by itself, but an answer to HEAD has to.
        if (request.method === 'HEAD') response.end();
      },
    ],
  });
  return router;
}
