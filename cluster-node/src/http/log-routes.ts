import type {
  BelowResponse,
  ConsistencyResponse,
  OriginRootResponse,
  SubtreeResponse,
} from '@grapevine/shared/contracts/node-api.ts';
import { originSchema } from '@grapevine/shared/contracts/node-api.ts';
import { wholeNumber } from '@grapevine/shared/contracts/whole-number.ts';
import { parseInput } from '@grapevine/shared/http/parse.ts';
import { maxDepth } from '@grapevine/shared/merkle/locate-difference.ts';
import { emptyRoot, type TreeHash } from '@grapevine/shared/merkle/tree-hash.ts';
import { type Request, type RequestHandler, Router } from 'express';
import { z } from 'zod';
import type { NodeService } from '../node-service.ts';
import { allow } from './authorize.ts';
import { parseQuery, sizeParameter } from './query.ts';
import { requireLog } from './require-log.ts';
import { pathParameter, resource, sendJson } from './routing.ts';

const noQuery = z.strictObject({});
const rootQuery = z.strictObject({ size: sizeParameter.optional(), peaks: z.literal('true').optional() });
const consistencyQuery = z
  .strictObject({ from: sizeParameter, to: sizeParameter })
  .refine(({ from, to }) => from <= to, 'expected from to be at most to');
const subtreeQuery = z
  .strictObject({ level: wholeNumber(0, 48), index: sizeParameter, depth: wholeNumber(1, maxDepth).optional() })
  .refine(({ level, depth = 0 }) => depth <= level, 'expected depth to be at most level');

/** What this node's logs are: heads, roots at any size, proofs that one size is the beginning of another. */
export function logRoutes(service: NodeService, treeHash: TreeHash): Router {
  const router = Router();
  const read = allow('cluster:read');
  resource(router, '/v1/heads', { get: [read, showHeads(service)] });
  resource(router, '/v1/root', { get: [read, showRoot(service)] });
  resource(router, '/v1/origins/:id/root', { get: [read, showOriginRoot(service, treeHash)] });
  resource(router, '/v1/origins/:id/consistency', { get: [read, proveConsistency(service, treeHash)] });
  resource(router, '/v1/origins/:id/subtree', { get: [read, showSubtree(service, treeHash)] });
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
    const { size = service.head(origin)?.size ?? 0, peaks } = parseQuery(rootQuery, request);
    if (size === 0) return sendJson(response, 200, { origin, size, root: emptyRoot().toHex() });
    const log = requireLog(service, treeHash, origin, size);
    const hashes = peaks === undefined ? {} : { peaks: Buffer.concat(log.peaksAt(size)).toString('base64url') };
    const root = log.rootAt(size).toHex();
    sendJson(response, 200, { origin, size, root, ...hashes } satisfies OriginRootResponse);
  };
}

function proveConsistency(service: NodeService, treeHash: TreeHash): RequestHandler {
  return (request, response) => {
    const origin = originOf(request);
    const { from, to } = parseQuery(consistencyQuery, request);
    const proof = to === 0 ? [] : requireLog(service, treeHash, origin, to).consistency(from, to);
    const path = proof.map((hash) => hash.toHex());
    sendJson(response, 200, { origin, from, to, path } satisfies ConsistencyResponse);
  };
}

function showSubtree(service: NodeService, treeHash: TreeHash): RequestHandler {
  return (request, response) => {
    const origin = originOf(request);
    const { level, index, depth } = parseQuery(subtreeQuery, request);
    const tree = requireLog(service, treeHash, origin, (index + 1) * 2 ** level);
    if (depth === undefined) {
      const hash = tree.node({ level, index }).toHex();
      sendJson(response, 200, { origin, level, index, hash } satisfies SubtreeResponse);
    } else {
      const below = Buffer.from(tree.below({ level, index }, depth)).toString('base64url');
      sendJson(response, 200, { below } satisfies BelowResponse);
    }
  };
}

function originOf(request: Request): string {
  return parseInput(originSchema, pathParameter(request.params, 'id'), 'origin');
}
