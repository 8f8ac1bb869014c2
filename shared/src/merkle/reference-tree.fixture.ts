/**
 * RFC 6962 section 2.1 word by word: recursive, without any state, slow. Tests and the simulator check the incremental
 * tree against it, so it shares no code with that.
 */
import { emptyRoot, type TreeHash } from './tree-hash.ts';

/** MTH(D[n]) over leaf hashes. */
export function referenceRoot(hash: TreeHash, leaves: readonly Uint8Array[]): Uint8Array {
  const [only] = leaves;
  if (only === undefined) return emptyRoot();
  if (leaves.length === 1) return only;
  const k = split(leaves.length);
  return hash.node(referenceRoot(hash, leaves.slice(0, k)), referenceRoot(hash, leaves.slice(k)));
}

/** PATH(m, D[n]). */
export function referenceInclusion(hash: TreeHash, m: number, leaves: readonly Uint8Array[]): Uint8Array[] {
  if (leaves.length <= 1) return [];
  const k = split(leaves.length);
  const [left, right] = [leaves.slice(0, k), leaves.slice(k)];
  return m < k
    ? [...referenceInclusion(hash, m, left), referenceRoot(hash, right)]
    : [...referenceInclusion(hash, m - k, right), referenceRoot(hash, left)];
}

/** PROOF(m, D[n]) for 0 < m ≤ n. */
export function referenceConsistency(hash: TreeHash, m: number, leaves: readonly Uint8Array[]): Uint8Array[] {
  return subproof(hash, m, leaves, true);
}

/** SUBPROOF(m, D[n], b). */
function subproof(hash: TreeHash, m: number, leaves: readonly Uint8Array[], known: boolean): Uint8Array[] {
  if (m === leaves.length) return known ? [] : [referenceRoot(hash, leaves)];
  const k = split(leaves.length);
  const [left, right] = [leaves.slice(0, k), leaves.slice(k)];
  return m <= k
    ? [...subproof(hash, m, left, known), referenceRoot(hash, right)]
    : [...subproof(hash, m - k, right, false), referenceRoot(hash, left)];
}

/** The largest power of two smaller than n. */
function split(n: number): number {
  let k = 1;
  while (k * 2 < n) k *= 2;
  return k;
}
