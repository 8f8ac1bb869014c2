import { limits } from '@grapevine/shared/contracts/limits.ts';
import { originSchema } from '@grapevine/shared/contracts/node-api.ts';
import { wholeNumber } from '@grapevine/shared/contracts/whole-number.ts';
import { parseInput } from '@grapevine/shared/http/parse.ts';
import { Router } from 'express';
import { z } from 'zod';
import { allow } from './authorize.ts';
import { optionalToken, parseQuery, textParameter } from './query.ts';
import { resource } from './routing.ts';
import type { SegmentStreams } from './segment-streams.ts';

const segmentsQuery = z.strictObject({
  since: textParameter.optional(),
  origins: textParameter.optional(),
  limitBytes: wholeNumber(1, 2 ** 48 - 1).optional(),
});
const originsSchema = z
  .array(originSchema)
  .max(limits.tokenOrigins, `expected at most ${limits.tokenOrigins} origins`)
  .refine((origins) => new Set(origins).size === origins.length, 'expected each origin once');

/** `/v1/segments`: the logs themselves, as their origins signed them. For other nodes; BFFs show messages, not logs. */
export function segmentRoutes(streams: SegmentStreams): Router {
  const router = Router();
  resource(router, '/v1/segments', {
    get: [
      allow('cluster:read'),
      allow('messages:read'),
      async (request, response) => {
        const { since, origins, limitBytes = Number.POSITIVE_INFINITY } = parseQuery(segmentsQuery, request);
        const wanted = origins === undefined ? undefined : parseInput(originsSchema, origins.split(','), 'origins');
        const selection = { since: optionalToken(since) ?? new Map(), origins: wanted, limitBytes };
        if (request.method === 'HEAD') response.type('application/octet-stream').end();
        else await streams.send(response, selection);
      },
    ],
  });
  return router;
}
