import { fromHex, toHex } from '@grapevine/shared/log/bytes.ts';
import { nobleTreeHash } from '@grapevine/shared/merkle/tree-hash.ts';

/** One level of the way from a leaf to the root. */
export interface ProofStep {
  /** Hash of the node on the way, in hex. */
  readonly hash: string;
  /** Its sibling's hash, as the proof has it. */
  readonly sibling: string;
  /** Where the sibling stands. */
  readonly side: 'left' | 'right';
}

/**
 * The way from the leaf to the root as RFC 9162 section 2.1.3.2 goes it, for drawing; whether it leads to the signed root, the
 * verifier says.
 */
export function proofSteps(leaf: string, index: number, size: number, path: readonly string[]): ProofStep[] {
  let hash = fromHex(leaf);
  // Not shifted: places may have more than 32 bits.
  let [place, last] = [index, size - 1];
  const steps: ProofStep[] = [];
  for (const sibling of path) {
    const isRight = place % 2 === 1 || place === last;
    steps.push({ hash: toHex(hash), sibling, side: isRight ? 'left' : 'right' });
    const other = fromHex(sibling);
    hash = isRight ? nobleTreeHash.node(other, hash) : nobleTreeHash.node(hash, other);
    // The last node of a level without a sibling goes up as it is.
    while (isRight && place % 2 === 0 && place !== 0) [place, last] = [half(place), half(last)];
    [place, last] = [half(place), half(last)];
  }
  return steps;
}

const half = (place: number): number => Math.floor(place / 2);
