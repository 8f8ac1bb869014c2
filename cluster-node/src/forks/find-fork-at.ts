import type { Member, SignedHeadJson } from '@grapevine/shared/contracts/node-api.ts';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { WrongTree } from '@grapevine/shared/merkle/locate-difference.ts';
import type { ProvenTree } from '../damage/proven-tree.ts';
import type { LogChecks } from '../damage/read-segment.ts';
import { type FoundFork, findFork, type PeerTree } from './find-fork.ts';
import { headFromJson } from './signed-head.ts';

/** `findFork` against what `peer` showed over HTTP; throws `UPSTREAM_FAILED` when the peer cannot prove it. */
export async function findForkAt(
  peer: Pick<Member, 'name'>,
  own: ProvenTree,
  head: SignedHeadJson,
  tree: PeerTree,
  checks: LogChecks,
): Promise<FoundFork | undefined> {
  try {
    return await findFork(own, headFromJson(head), tree, checks);
  } catch (error) {
    if (!(error instanceof WrongTree)) throw error;
    throw new GrapevineError('UPSTREAM_FAILED', `Node ${peer.name}: ${error.message}`, { cause: error });
  }
}
