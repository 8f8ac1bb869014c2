import { parseInput } from '@grapevine/shared/http/parse.ts';
import type { Router } from 'express';
import { z } from 'zod';
import { syncQuerySchema } from '../contract/requests.ts';
import { syncSchema } from '../contract/responses.ts';
import { type ResourcePorts, serveResource } from '../resource.ts';
import { run, storedDocument } from '../stored-documents.ts';

const sync = storedDocument('sync', z.object({ sync: syncSchema }));

/**
 * `GET /sync?since=&topics=a,b&limit=`: what the client has not seen, from any node. It sends the last `token` as `since`;
 * without one everything comes from the start. `more` says to ask again at once.
 */
export function serveSync(router: Router, ports: ResourcePorts): void {
  serveResource(router, '/sync', ports, {
    get: {
      scope: 'messages:read',
      async handle(request, response, context) {
        const query = parseInput(syncQuerySchema, request.query, 'query');
        const { sync: delta } = await run(sync, query, context);
        response.set('Grapevine-Consistency', delta.token).json(delta);
      },
    },
  });
}
