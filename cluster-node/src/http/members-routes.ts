import { Router } from 'express';
import { z } from 'zod';
import type { NodeService } from '../node-service.ts';
import { allow } from './authorize.ts';
import { parseQuery } from './query.ts';
import { resource, sendJson } from './routing.ts';

const noQuery = z.strictObject({});

/** `/v1/members`: who is in the cluster, as this node sees it. */
export function membersRoutes(service: NodeService): Router {
  const router = Router();
  resource(router, '/v1/members', {
    get: [
      allow('cluster:read'),
      (request, response) => {
        parseQuery(noQuery, request);
        sendJson(response, 200, service.membership());
      },
    ],
  });
  return router;
}
