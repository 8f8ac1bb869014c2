import { type RepairReport, repairRequestSchema } from '@grapevine/shared/contracts/repair.ts';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { parseInput } from '@grapevine/shared/http/parse.ts';
import { type RequestHandler, Router } from 'express';
import { z } from 'zod';
import type { NodeService } from '../node-service.ts';
import { allow } from './authorize.ts';
import { parseQuery } from './query.ts';
import { readJson } from './read-json.ts';
import { requireMember } from './require-member.ts';
import { resource, sendJson } from './routing.ts';

/** A request has four short fields. */
const maxBytes = 4 * 1024;

const noQuery = z.strictObject({});

/** `/v1/repair`: the node checks what it stores and mends what is damaged, at once. */
export function repairRoutes(service: NodeService): Router {
  const router = Router();
  resource(router, '/v1/repair', {
    post: [allow('cluster:admin'), ...readJson(maxBytes), repair(service)],
  });
  return router;
}

function repair(service: NodeService): RequestHandler {
  return async (request, response) => {
    parseQuery(noQuery, request);
    const wanted = parseInput(repairRequestSchema, request.body, 'request');
    if (wanted.origin !== undefined && service.head(wanted.origin) === undefined) {
      throw new GrapevineError('NOT_FOUND', `Node ${service.name} holds nothing of origin ${wanted.origin}.`);
    }
    for (const field of ['from', 'adopt'] as const) {
      const member = wanted[field];
      if (member === service.name) {
        throw new GrapevineError('INVALID_ARGUMENT', `request: ${field}: ${member} cannot be mended from itself.`);
      }
      if (member !== undefined) requireMember(service, member);
    }
    sendJson(response, 200, (await service.repair(wanted)) satisfies RepairReport);
  };
}
