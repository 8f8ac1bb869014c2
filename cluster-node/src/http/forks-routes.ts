import type { ForksResponse } from '@grapevine/shared/contracts/node-api.ts';
import { Router } from 'express';
import { z } from 'zod';
import type { NodeService } from '../node-service.ts';
import { allow } from './authorize.ts';
import { parseQuery } from './query.ts';
import { resource, sendJson } from './routing.ts';

const noQuery = z.strictObject({});

/** `/v1/forks`: the evidence of every fork that this node has seen. */
export function forksRoutes(service: NodeService): Router {
  const router = Router();
  resource(router, '/v1/forks', {
    get: [
      allow('cluster:read'),
      (request, response) => {
        parseQuery(noQuery, request);
        sendJson(response, 200, { forks: [...service.forks()] } satisfies ForksResponse);
      },
    ],
  });
  return router;
}
