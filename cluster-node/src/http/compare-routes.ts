import type { Comparison, Member, OriginComparison, SignedHeadJson } from '@grapevine/shared/contracts/node-api.ts';
import { nodeNameSchema } from '@grapevine/shared/contracts/repair.ts';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { toHex } from '@grapevine/shared/log/bytes.ts';
import { compareHeads } from '@grapevine/shared/log/compare-heads.ts';
import type { HeadVerifier } from '@grapevine/shared/log/head.ts';
import type { TreeHash } from '@grapevine/shared/merkle/tree-hash.ts';
import { type RequestHandler, Router } from 'express';
import { z } from 'zod';
import { findForkAt } from '../forks/find-fork-at.ts';
import { headFromJson } from '../forks/signed-head.ts';
import type { NodeService } from '../node-service.ts';
import { allow } from './authorize.ts';
import { type PeerAccess, PeerClient } from './peer-client.ts';
import { parseQuery } from './query.ts';
import { requireLog } from './require-log.ts';
import { requireMember } from './require-member.ts';
import { resource, sendJson } from './routing.ts';

export interface CompareOptions {
  readonly service: NodeService;
  readonly treeHash: TreeHash;
  readonly headVerifier: HeadVerifier;
  /** How this node calls the peer. */
  readonly access: PeerAccess;
}

/** Forks located in one comparison: each takes up to nine questions, and one is usually all that there is. */
const maxLocated = 8;
/** For one whole comparison, in milliseconds. A peer that takes longer counts as unreachable. */
const deadlineMs = 5_000;

const compareQuery = z.strictObject({ peer: nodeNameSchema });

/** `/v1/compare`: this node (`a`) against the member `peer` (`b`), by signed heads. */
export function compareRoutes(options: CompareOptions): Router {
  const router = Router();
  resource(router, '/v1/compare', { get: [allow('cluster:read'), compare(options)] });
  return router;
}

function compare({ service, treeHash, headVerifier, access }: CompareOptions): RequestHandler {
  return async (request, response) => {
    const member = requireMember(service, parseQuery(compareQuery, request).peer);
    const peer = new PeerClient(member, access, AbortSignal.timeout(deadlineMs));
    const { heads } = await peer.heads();
    const checks = { hash: treeHash, verifier: headVerifier };
    const locate = async (origin: string, head: SignedHeadJson): Promise<Pick<OriginComparison, 'fork'>> => {
      const fork = await findForkAt(
        member,
        requireLog(service, treeHash, origin, 1),
        head,
        peer.treeOf(origin),
        checks,
      );
      return fork === undefined ? {} : { fork: { seq: fork.seq, a: toHex(fork.own.id), b: toHex(fork.other.id) } };
    };
    for (const head of heads) requireSigned(head, member, headVerifier);
    const own = { node: service.name, heads: service.heads().heads };
    const other = { node: member.name, heads };
    const comparison = await compareHeads(own, other, async (side, origin, size) =>
      side === 'a' ? requireLog(service, treeHash, origin, size).rootAt(size).toHex() : peer.rootAt(origin, size),
    );
    let located = 0;
    const origins: OriginComparison[] = [];
    for (const origin of comparison.origins) {
      const head = heads.find((one) => one.origin === origin.origin);
      if (origin.state !== 'forked' || head === undefined || located++ >= maxLocated) origins.push(origin);
      else origins.push({ ...origin, ...(await locate(origin.origin, head)) });
    }
    sendJson(response, 200, { ...comparison, origins } satisfies Comparison);
  };
}

/** A head that its origin has not signed proves nothing, whoever shows it. */
function requireSigned(head: SignedHeadJson, member: Member, verifier: HeadVerifier): void {
  if (verifier.verify(headFromJson(head))) return;
  throw new GrapevineError(
    'UPSTREAM_FAILED',
    `Node ${member.name} shows a head for origin ${head.origin} that its origin has not signed.`,
  );
}
