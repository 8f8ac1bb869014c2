import { parseInput } from '@grapevine/shared/http/parse.ts';
import type { Router } from 'express';
import { z } from 'zod';
import { requiredConsistency } from '../consistency-header.ts';
import { syncQuerySchema } from '../contract/requests.ts';
import { syncSchema } from '../contract/responses.ts';
import { pollDelta } from '../long-poll.ts';
import { type ResourcePorts, serveResource } from '../resource.ts';
import { run, storedDocument } from '../stored-documents.ts';

const sync = storedDocument('sync', z.object({ sync: syncSchema }));

/**
 * `GET /sync?since=&topics=a,b&limit=&wait=`: what the client has not seen, from any node. It sends the last `token` as
 * `since`; without one everything comes from the start. `more` says to ask again at once. With `wait` an answer that
 * would bring nothing is held back, for so many seconds at the most, until it brings something.
 */
export function serveSync(router: Router, ports: ResourcePorts): void {
  serveResource(router, '/sync', ports, {
    get: {
      scope: 'messages:read',
      async handle(request, response, context) {
        const { wait, since, ...query } = parseInput(syncQuerySchema, request.query, 'query');
        const required = requiredConsistency(request);
        const read = async (from: string | undefined, consistency: string | undefined) =>
          (await run(sync, { ...query, since: from, consistency }, context)).sync;
        const delta =
          wait === 0
            ? await read(since, required)
            : await pollDelta(
                ports,
                { since, required, topics: query.topics ?? [], waitMs: wait * 1_000, signal: context.caller.signal },
                read,
              );
        response.set('Grapevine-Consistency', delta.token).json(delta);
      },
    },
  });
}
