import { equalBytes } from '../log/bytes.ts';
import { foldPeaks } from './frontier.ts';
import { type NodeId, peaks } from './geometry.ts';
import { hashLength, type TreeHash } from './tree-hash.ts';
import type { NodeReader } from './tree-reader.ts';

/** Another tree, far away. Whatever it gives is checked against its root. */
export interface DistantTree {
  readonly root: Uint8Array;
  /** The roots of the complete subtrees that make up its first `size` leaves, largest first. */
  peaks(size: number): Promise<readonly Uint8Array[]>;
  /** The hashes `depth` levels below a complete subtree, from left to right, one after the other. */
  below(id: NodeId, depth: number): Promise<Uint8Array>;
}

/** The first leaf in which two trees differ, and what each has there. */
export interface Difference {
  readonly index: number;
  readonly own: Uint8Array;
  readonly other: Uint8Array;
}

/** What a distant tree gave does not add up to its root. */
export class WrongTree extends Error {
  override readonly name = 'WrongTree';
}

/** Questions asked for a tree of up to a million leaves, the peaks included. */
const questions = 8;
/** Levels that one question goes down, at the most: 256 hashes. */
export const maxDepth = 8;

/**
 * Finds the first leaf in which two trees of `size` leaves differ, by walking down where the hashes do: 8 questions and
 * 1,760 bytes of hashes for a million leaves. Throws `WrongTree` when the other tree contradicts itself, and `RangeError`
 * when the two do not differ.
 */
export async function locateDifference(
  tree: NodeReader,
  other: DistantTree,
  hash: TreeHash,
  size: number,
): Promise<Difference> {
  const places = peaks(size);
  const theirs = await other.peaks(size);
  const isTree = theirs.length === places.length && theirs.every((peak) => peak.length === hashLength);
  if (!isTree || !equalBytes(foldPeaks(hash, theirs), other.root)) {
    throw new WrongTree(`Its peaks at ${size} do not give its root.`);
  }
  const first = places.findIndex((id, i) => !equalBytes(tree.node(id.level, id.index), theirs[i] ?? other.root));
  let id = places[first];
  let expected = theirs[first];
  if (id === undefined || expected === undefined)
    throw new RangeError(`Expected two different trees of ${size} leaves.`);
  for (let left = questions - 1; id.level > 0; left--) {
    const depth: number = Math.min(id.level, maxDepth, Math.max(2, Math.ceil(id.level / Math.max(1, left))));
    const below: Uint8Array = await other.below(id, depth);
    if (below.length !== 2 ** depth * hashLength || !equalBytes(foldLevels(hash, below), expected)) {
      throw new WrongTree(`What it has below node ${id.level}/${id.index} does not give that node.`);
    }
    const level: number = id.level - depth;
    let place = 0;
    // The last one needs no look: since the parents differ, it does when no other one does.
    while (place < 2 ** depth - 1 && equalBytes(tree.node(level, id.index * 2 ** depth + place), at(below, place)))
      place++;
    expected = at(below, place);
    id = { level, index: id.index * 2 ** depth + place };
  }
  return { index: id.index, own: tree.node(0, id.index), other: expected };
}

/** The hash over 2^n neighbouring nodes of one level. */
export function foldLevels(hash: TreeHash, nodes: Uint8Array): Uint8Array {
  let level = nodes;
  while (level.length > hashLength) level = hash.parents(level);
  return level;
}

function at(hashes: Uint8Array, place: number): Uint8Array {
  return hashes.subarray(place * hashLength, (place + 1) * hashLength);
}
