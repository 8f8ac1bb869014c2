import type { Member, SignedHeadJson } from '@grapevine/shared/contracts/node-api.ts';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import type { IdentitySigner } from '@grapevine/shared/identity/identity.ts';
import { compareHeads } from '@grapevine/shared/log/compare-heads.ts';
import type { HeadVerifier } from '@grapevine/shared/log/head.ts';
import { hlcFromHex } from '@grapevine/shared/log/hlc.ts';
import type { TreeHash } from '@grapevine/shared/merkle/tree-hash.ts';
import { type RequestHandler, Router } from 'express';
import { z } from 'zod';
import type { NodeService } from '../node-service.ts';
import { allow } from './authorize.ts';
import { PeerClient } from './peer-client.ts';
import { parseQuery } from './query.ts';
import { requireLog } from './require-log.ts';
import { resource, sendJson } from './routing.ts';

export interface CompareOptions {
  readonly service: NodeService;
  readonly treeHash: TreeHash;
  readonly headVerifier: HeadVerifier;
  /** Vouches for this node at the peer. */
  readonly signer: IdentitySigner;
}

/** For one whole comparison, in milliseconds. A peer that takes longer counts as unreachable. */
const deadlineMs = 5_000;

const compareQuery = z.strictObject({ peer: z.string().regex(/^[a-z0-9-]{1,63}$/, 'expected a node name') });

/** `/v1/compare`: this node (`a`) against the member `peer` (`b`), by signed heads. */
export function compareRoutes(options: CompareOptions): Router {
  const router = Router();
  resource(router, '/v1/compare', { get: [allow('cluster:read'), compare(options)] });
  return router;
}

function compare({ service, treeHash, headVerifier, signer }: CompareOptions): RequestHandler {
  return async (request, response) => {
    const member = requireMember(service, parseQuery(compareQuery, request).peer);
    const peer = new PeerClient(member, signer, `node:${service.name}`, AbortSignal.timeout(deadlineMs));
    const { heads } = await peer.heads();
    for (const head of heads) requireSigned(head, member, headVerifier);
    const own = { node: service.name, heads: service.heads().heads };
    const other = { node: member.name, heads };
    const comparison = await compareHeads(own, other, async (side, origin, size) =>
      side === 'a' ? requireLog(service, treeHash, origin, size).rootAt(size).toHex() : peer.rootAt(origin, size),
    );
    sendJson(response, 200, comparison);
  };
}

function requireMember(service: NodeService, name: string): Member {
  const members = service.members();
  const found = members.find((member) => member.name === name);
  if (found !== undefined) return found;
  throw new GrapevineError(
    'NOT_FOUND',
    `Found no member ${JSON.stringify(name)}; node ${service.name} knows ${members.length} members.`,
  );
}

/** A head that its origin has not signed proves nothing, whoever shows it. */
function requireSigned(head: SignedHeadJson, member: Member, verifier: HeadVerifier): void {
  const signed = {
    origin: head.origin,
    size: head.size,
    root: Uint8Array.fromHex(head.root),
    hlc: hlcFromHex(head.hlc),
    publicKey: Uint8Array.fromHex(head.publicKey),
    signature: Uint8Array.fromHex(head.signature),
  };
  if (verifier.verify(signed)) return;
  throw new GrapevineError(
    'UPSTREAM_FAILED',
    `Node ${member.name} shows a head for origin ${head.origin} that its origin has not signed.`,
  );
}
