import { encodeToken } from '@grapevine/shared/contracts/consistency-token.ts';
import { hashSchema } from '@grapevine/shared/contracts/node-api.ts';
import { messageProofSchema } from '@grapevine/shared/contracts/proof.ts';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { parseInput } from '@grapevine/shared/http/parse.ts';
import type { Request, Router } from 'express';
import { z } from 'zod';
import { requiredConsistency } from '../consistency-header.ts';
import { noQuerySchema } from '../contract/requests.ts';
import { messageSchema } from '../contract/responses.ts';
import { shareMessage } from '../gateway-terms.ts';
import { type ResourcePorts, serveResource } from '../resource.ts';
import { run, storedDocument } from '../stored-documents.ts';

const message = storedDocument('message', z.object({ message: messageSchema.optional() }));
const proof = storedDocument('proof', z.object({ proof: messageProofSchema.optional() }));

/** `GET /messages/{id}`. */
export function serveMessage(router: Router, ports: ResourcePorts): void {
  serveResource(router, '/messages/:id', ports, {
    get: {
      scope: 'messages:read',
      async handle(request, response, context) {
        const wanted = wantedIn(request);
        const { message: found } = await run(message, wanted, context);
        if (found === undefined) throw noSuchMessage(wanted.id);
        shareMessage(response);
        response.set('Grapevine-Consistency', tokenOf(found));
        response.set('ETag', messageETag(found.id)).json(found);
      },
    },
  });
}

/** `GET /messages/{id}/proof`: that the message is in the signed log of the node that accepted it. */
export function serveMessageProof(router: Router, ports: ResourcePorts): void {
  serveResource(router, '/messages/:id/proof', ports, {
    get: {
      scope: 'messages:read',
      async handle(request, response, context) {
        const wanted = wantedIn(request);
        const { proof: found } = await run(proof, wanted, context);
        if (found === undefined) throw noSuchMessage(wanted.id);
        response.set('Grapevine-Consistency', tokenOf(found)).json(found);
      },
    },
  });
}

/** The path of a message, as this request's client reaches it. */
export function messagePath(request: Request, id: string): string {
  return `${request.baseUrl}/messages/${id}`;
}

/** The id is a hash of the content, so it is the perfect validator. */
export function messageETag(id: string): string {
  return `W/"${id}"`;
}

/** Covers the message, and what its origin wrote before it. */
function tokenOf({ origin, seq }: { readonly origin: string; readonly seq: number }): string {
  return encodeToken(new Map([[origin, seq + 1]]));
}

function wantedIn(request: Request): { readonly id: string; readonly consistency: string | undefined } {
  parseInput(noQuerySchema, request.query, 'query');
  return { id: idOf(request), consistency: requiredConsistency(request) };
}

/** What cannot be an id names nothing, so it is as unknown as any other. */
function idOf(request: Request): string {
  const { id } = request.params;
  if (typeof id === 'string' && hashSchema.safeParse(id).success) return id;
  throw new GrapevineError('NOT_FOUND', 'There is no such message: ids have 64 hexadecimal digits.');
}

function noSuchMessage(id: string): GrapevineError {
  return new GrapevineError('NOT_FOUND', `No node that was asked holds a message ${id}.`);
}
