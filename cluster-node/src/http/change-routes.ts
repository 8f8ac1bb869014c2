import { Router } from 'express';
import { z } from 'zod';
import { allow } from './authorize.ts';
import type { ChangeHub } from './change-hub.ts';
import { parseQuery } from './query.ts';
import { resource } from './routing.ts';

const noQuery = z.strictObject({});

/** `/v1/changes`: which topics change, for whoever keeps answers about them. */
export function changeRoutes(hub: ChangeHub): Router {
  const router = Router();
  resource(router, '/v1/changes', {
    get: [
      allow('messages:read'),
      (request, response) => {
        parseQuery(noQuery, request);
        hub.open(response);
        // A stream never ends by itself, but an answer to HEAD has to.
        if (request.method === 'HEAD') response.end();
      },
    ],
  });
  return router;
}
