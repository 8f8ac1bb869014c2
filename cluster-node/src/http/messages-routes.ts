import { limits } from '@grapevine/shared/contracts/limits.ts';
import { hashSchema, type Message, type MessagesByIdResponse } from '@grapevine/shared/contracts/node-api.ts';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { parseInput } from '@grapevine/shared/http/parse.ts';
import type { TreeHash } from '@grapevine/shared/merkle/tree-hash.ts';
import { traced } from '@grapevine/shared/tracing/current-span.ts';
import { type RequestHandler, Router } from 'express';
import { z } from 'zod';
import type { NodeService } from '../node-service.ts';
import type { StoredEntry } from '../views/views.ts';
import { allow, identityOf } from './authorize.ts';
import { admitBodies } from './body-budget.ts';
import { isUnchanged } from './conditional.ts';
import { awaitConsistency } from './consistency.ts';
import { messageJson } from './message-json.ts';
import { messageProof, type ProvablePlace } from './message-proof.ts';
import { parsePublish } from './publish-request.ts';
import { consistencyParameters, parseQuery, textParameter } from './query.ts';
import { readJson } from './read-json.ts';
import { pathParameter, resource, sendJson } from './routing.ts';

export interface MessagesOptions {
  readonly service: NodeService;
  readonly treeHash: TreeHash;
  /** Largest message body in bytes. */
  readonly maxBodyBytes: number;
}

const messageQuery = z.strictObject(consistencyParameters);
const batchQuery = z.strictObject({ ...consistencyParameters, ids: textParameter });
const idsSchema = z.array(hashSchema).max(limits.idsPerRead, `expected at most ${limits.idsPerRead} ids`);
const noQuery = z.strictObject({});

/** `/v1/messages`: publish a batch, read many by id, read one, prove one. */
export function messagesRoutes({ service, treeHash, maxBodyBytes }: MessagesOptions): Router {
  const router = Router();
  const read = allow('messages:read');
  const largestBytes = maxRequestBytes(maxBodyBytes);
  const admit = admitBodies(largestBytes);
  resource(router, '/v1/messages', {
    get: [read, readBatch(service)],
    post: [allow('messages:write'), admit, ...readJson(largestBytes), publish(service)],
  });
  resource(router, '/v1/messages/:id', { get: [read, readMessage(service)] });
  resource(router, '/v1/messages/:id/proof', { get: [read, proveMessage(service, treeHash)] });
  return router;
}

/**
 * Largest publish request in bytes: room for one message of the largest size, each byte escaped (6 bytes in JSON), with
 * all its headers, and for full batches of ordinary messages. Beyond 32 MiB parsing alone would stop the node for long.
 */
function maxRequestBytes(maxBodyBytes: number): number {
  return Math.min(32 * 1024 * 1024, 1024 * 1024 + 16 * maxBodyBytes);
}

function publish(service: NodeService): RequestHandler {
  return async (request, response) => {
    parseQuery(noQuery, request);
    const order = parsePublish(request.body);
    // From the queue to the disk, and to as many nodes as it asks for.
    const outcome = await traced('publish', 'internal', { 'grapevine.messages': order.messages.length }, () =>
      service.publish(identityOf(request).subject, order),
    );
    sendJson(response, outcome.acknowledged ? 201 : 202, { results: outcome.results, token: outcome.token });
  };
}

function readBatch(service: NodeService): RequestHandler {
  return async (request, response) => {
    const query = parseQuery(batchQuery, request);
    const ids = parseInput(idsSchema, query.ids.split(','), 'ids');
    await awaitConsistency(service, query);
    const items = ids.map((id): Message | null => {
      const stored = service.views.message(id);
      return stored === undefined ? null : messageJson(stored);
    });
    const missing = ids.filter((_, i) => items[i] === null);
    const erased = missing.filter((id) => service.views.locate(id) !== undefined);
    sendJson(response, 200, { items, erased } satisfies MessagesByIdResponse);
  };
}

function readMessage(service: NodeService): RequestHandler {
  return async (request, response) => {
    const id = parseInput(hashSchema, pathParameter(request.params, 'id'), 'id');
    await awaitConsistency(service, parseQuery(messageQuery, request));
    const stored = requireMessage(service, id);
    // The id names the content: it is the strongest tag there is.
    if (isUnchanged(request, response, `"${id}"`)) return;
    sendJson(response, 200, messageJson(stored));
  };
}

function proveMessage(service: NodeService, treeHash: TreeHash): RequestHandler {
  return async (request, response) => {
    const id = parseInput(hashSchema, pathParameter(request.params, 'id'), 'id');
    await awaitConsistency(service, parseQuery(messageQuery, request));
    sendJson(response, 200, messageProof(service, treeHash, requirePlace(service, id)));
  };
}

function requireMessage(service: NodeService, id: string): StoredEntry {
  const stored = service.views.message(id);
  if (stored !== undefined) return stored;
  const { origin, seq } = requirePlace(service, id);
  const detail = `Node ${service.name} has erased message ${id}: entry ${seq} of origin ${origin}.`;
  throw new GrapevineError('ERASED', detail);
}

function requirePlace(service: NodeService, id: string): ProvablePlace {
  const entry = service.views.message(id)?.entry;
  const place = entry ?? service.views.locate(id);
  if (place === undefined) throw new GrapevineError('NOT_FOUND', `Node ${service.name} holds no message ${id}.`);
  return { id, origin: place.origin, seq: place.seq, entry };
}
