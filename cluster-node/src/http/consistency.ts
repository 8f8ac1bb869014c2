import { decodeToken, encodeToken } from '@grapevine/shared/contracts/consistency-token.ts';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import type { NodeService } from '../node-service.ts';

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
