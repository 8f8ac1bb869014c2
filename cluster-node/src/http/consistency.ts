import { decodeToken, encodeToken, type Vector } from '@grapevine/shared/contracts/consistency-token.ts';
import { limits } from '@grapevine/shared/contracts/limits.ts';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import type { NodeService } from '../node-service.ts';
import { optionalToken } from './query.ts';

interface Requirement {
  readonly consistency?: string | undefined;
  readonly waitMs: number;
}

/**
 * Waits until this node holds what the consistency token covers. Throws `NOT_YET` after `waitMs` milliseconds, with `have`,
 * a token for how far this node is.
 */
export async function awaitConsistency(service: NodeService, { consistency, waitMs }: Requirement): Promise<void> {
  if (consistency === undefined) return;
  if (await service.waitFor(decodeToken(consistency), waitMs)) return;
  throw new GrapevineError('NOT_YET', `Node ${service.name} does not hold what the token covers after ${waitMs} ms.`, {
    extensions: { have: encodeToken(service.views.vector()) },
  });
}

/**
 * Where the reader who sent `token` goes on. Origins that this node has not heard of are kept, since another node may have
 * told of them, but not so many that a token with this node's own would not hold them all: no cluster has those, a forged
 * token may.
 */
export function placeOf(service: NodeService, token: string | undefined): Vector | undefined {
  const place = optionalToken(token);
  if (place === undefined) return undefined;
  const known = service.views.vector();
  const strangers = [...place].filter(([origin]) => !known.has(origin)).slice(0, limits.tokenOrigins - known.size);
  return new Map([...[...place].filter(([origin]) => known.has(origin)), ...strangers]);
}
