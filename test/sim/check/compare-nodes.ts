import { fastTreeHash } from '@grapevine/cluster-node/store/fast-tree-hash.ts';
import type { Comparison, OriginComparison } from '@grapevine/shared/contracts/node-api.ts';
import { toHex } from '@grapevine/shared/log/bytes.ts';
import { compareHeads } from '@grapevine/shared/log/compare-heads.ts';
import { rootAt } from '@grapevine/shared/merkle/tree-reader.ts';
import type { SimNode } from '../sim-node.ts';
import { SafetyViolation } from './violation.ts';

/** What `GET /v1/compare` would say of two running nodes, by what both show of themselves. */
export function compareNodes(a: SimNode, b: SimNode): Promise<Comparison> {
  return compareHeads(sideOf(a), sideOf(b), async (side, origin, size) =>
    toHex(rootAt((side === 'a' ? a : b).disk.log.tree(origin), fastTreeHash, size)),
  );
}

/** Throws when a comparison says anything else than the sizes do, in a cluster in which no log has forked. */
export function requireNoFork({ origins, ...comparison }: Comparison): void {
  const wrong = origins.find(({ state, sizeA, sizeB }) => state !== stateOf(sizeA, sizeB));
  if (wrong !== undefined) {
    const { origin, state, sizeA, sizeB } = wrong;
    throw new SafetyViolation('C10', `${origin} was called ${state}, with ${sizeA} and ${sizeB} entries`);
  }
  const isEqual = origins.every(({ sizeA, sizeB }) => sizeA === sizeB);
  if ((comparison.verdict === 'equal') === isEqual) return;
  throw new SafetyViolation('C10', `${comparison.a} and ${comparison.b} were called ${comparison.verdict}`);
}

function stateOf(sizeA: number, sizeB: number): OriginComparison['state'] {
  if (sizeA === sizeB) return 'equal';
  return sizeA < sizeB ? 'behind' : 'ahead';
}

function sideOf({ name, replica }: SimNode) {
  const heads = replica?.flushed.heads() ?? [];
  return { node: name, heads: heads.map(({ origin, size, root }) => ({ origin, size, root: toHex(root) })) };
}
