import { parseInput } from '@grapevine/shared/http/parse.ts';
import type { Router } from 'express';
import { z } from 'zod';
import { noQuerySchema } from '../contract/requests.ts';
import { consistencySchema } from '../contract/responses.ts';
import { type ResourcePorts, serveResource } from '../resource.ts';
import { run, storedDocument } from '../stored-documents.ts';

const consistency = storedDocument('consistency', z.object({ consistency: consistencySchema }));

/** `GET /cluster/consistency`: whether all nodes hold the same, asked of each of them now. */
export function serveConsistency(router: Router, ports: ResourcePorts): void {
  serveResource(router, '/cluster/consistency', ports, {
    get: {
      scope: 'cluster:read',
      async handle(request, response, context) {
        parseInput(noQuerySchema, request.query, 'query');
        const { consistency: report } = await run(consistency, {}, context);
        response.json(report);
      },
    },
  });
}
