import { tokenSchema } from '@grapevine/shared/contracts/node-api.ts';
import { parseInput } from '@grapevine/shared/http/parse.ts';
import type { Router } from 'express';
import { z } from 'zod';
import { requiredConsistency } from '../consistency-header.ts';
import { topicsQuerySchema } from '../contract/requests.ts';
import { topicPageSchema } from '../contract/responses.ts';
import { sharePage } from '../gateway-terms.ts';
import { linkNext } from '../link-next.ts';
import { type ResourcePorts, serveResource } from '../resource.ts';
import { run, storedDocument } from '../stored-documents.ts';

const topics = storedDocument('topics', z.object({ topics: topicPageSchema.extend({ token: tokenSchema }) }));

/** `GET /topics`: topics in byte order of their names. `next` is the name to go on after. */
export function serveTopics(router: Router, ports: ResourcePorts): void {
  serveResource(router, '/topics', ports, {
    get: {
      scope: 'messages:read',
      async handle(request, response, context) {
        const query = parseInput(topicsQuerySchema, request.query, 'query');
        const consistency = requiredConsistency(request);
        const { topics: read } = await run(topics, { ...query, consistency }, context);
        const { token, ...page } = read;
        linkNext(request, response, 'after', page.next);
        response.set('Grapevine-Consistency', token);
        sharePage(request, response);
        response.json(page);
      },
    },
  });
}
