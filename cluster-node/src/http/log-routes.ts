import type { ConsistencyResponse, OriginRootResponse, SubtreeResponse } from '@grapevine/shared/contracts/node-api.ts';
import { originSchema } from '@grapevine/shared/contracts/node-api.ts';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { parseInput } from '@grapevine/shared/http/parse.ts';
import type { TreeHash } from '@grapevine/shared/merkle/tree-hash.ts';
import { consistencyProof, rootAt } from '@grapevine/shared/merkle/tree-reader.ts';
import { type Request, type RequestHandler, Router } from 'express';
import { z } from 'zod';
import type { NodeService } from '../node-service.ts';
import { allow } from './authorize.ts';
import { integer, parseQuery, sizeParameter } from './query.ts';
import { pathParameter, resource, sendJson } from './routing.ts';

const noQuery = z.strictObject({});
const rootQuery = z.strictObject({ size: sizeParameter.optional() });
const consistencyQuery = z
  .strictObject({ from: sizeParameter, to: sizeParameter })
  .refine(({ from, to }) => from <= to, 'expected from to be at most to');
const subtreeQuery = z.strictObject({ level: integer(0, 48), index: sizeParameter });

/** What this node's logs are: heads, roots at any size, proofs that one size is the beginning of another. */
export function logRoutes(service: NodeService, treeHash: TreeHash): Router {
  const router = Router();
  const read = allow('cluster:read');
  resource(router, '/v1/heads', { get: [read, showHeads(service)] });
  resource(router, '/v1/root', { get: [read, showRoot(service)] });
  resource(router, '/v1/origins/:id/root', { get: [read, showOriginRoot(service, treeHash)] });
  resource(router, '/v1/origins/:id/consistency', { get: [read, proveConsistency(service, treeHash)] });
  resource(router, '/v1/origins/:id/subtree', { get: [read, showSubtree(service)] });
  return router;
}

function showHeads(service: NodeService): RequestHandler {
  return (request, response) => {
    parseQuery(noQuery, request);
    sendJson(response, 200, service.heads());
  };
}

function showRoot(service: NodeService): RequestHandler {
  return (request, response) => {
    parseQuery(noQuery, request);
    sendJson(response, 200, service.root());
  };
}

function showOriginRoot(service: NodeService, treeHash: TreeHash): RequestHandler {
  return (request, response) => {
    const origin = originOf(request);
    const { size = heldBy(service, origin) } = parseQuery(rootQuery, request);
    requireHeld(service, origin, size);
    const root = rootAt(service.log.tree(origin), treeHash, size).toHex();
    sendJson(response, 200, { origin, size, root } satisfies OriginRootResponse);
  };
}

function proveConsistency(service: NodeService, treeHash: TreeHash): RequestHandler {
  return (request, response) => {
    const origin = originOf(request);
    const { from, to } = parseQuery(consistencyQuery, request);
    requireHeld(service, origin, to);
    const path = consistencyProof(service.log.tree(origin), treeHash, from, to).map((hash) => hash.toHex());
    sendJson(response, 200, { origin, from, to, path } satisfies ConsistencyResponse);
  };
}

function showSubtree(service: NodeService): RequestHandler {
  return (request, response) => {
    const origin = originOf(request);
    const { level, index } = parseQuery(subtreeQuery, request);
    requireHeld(service, origin, (index + 1) * 2 ** level);
    const hash = service.log.tree(origin).node(level, index).toHex();
    sendJson(response, 200, { origin, level, index, hash } satisfies SubtreeResponse);
  };
}

function originOf(request: Request): string {
  return parseInput(originSchema, pathParameter(request.params, 'id'), 'origin');
}

function heldBy(service: NodeService, origin: string): number {
  return service.views.vector().get(origin) ?? 0;
}

function requireHeld(service: NodeService, origin: string, size: number): void {
  const held = heldBy(service, origin);
  if (size <= held) return;
  throw new GrapevineError(
    'NOT_FOUND',
    `Node ${service.name} holds ${held} entries of origin ${origin}; expected at least ${size}.`,
  );
}
