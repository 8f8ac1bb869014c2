import { foldPeaks } from './frontier.ts';
import { consistencyPath, inclusionPath, isComplete, type NodeId, peaks, subtreePath } from './geometry.ts';
import type { TreeHash } from './tree-hash.ts';

/** Kept hashes of complete nodes, leaves (level 0) included. */
export interface NodeReader {
  /** Throws when the node is not there; asked only for nodes that are complete at the size in question. */
  node(level: number, index: number): Uint8Array;
}

/** The root of the first `size` leaves, for any size that the reader's tree has reached. Reads at most 48 nodes. */
export function rootAt(reader: NodeReader, hash: TreeHash, size: number): Uint8Array {
  return foldPeaks(
    hash,
    peaks(size).map(({ level, index }) => reader.node(level, index)),
  );
}

/** The audit path of RFC 6962 section 2.1.1; throws `RangeError` unless `index` is below `size`. */
export function inclusionProof(reader: NodeReader, hash: TreeHash, index: number, size: number): Uint8Array[] {
  return inclusionPath(index, size).map((id) => subtree(reader, hash, id, size));
}

/** Proves that the complete subtree `id` is in the tree of `size` leaves; throws `RangeError` unless it is complete there. */
export function subtreeProof(reader: NodeReader, hash: TreeHash, id: NodeId, size: number): Uint8Array[] {
  return subtreePath(id, size).map((sibling) => subtree(reader, hash, sibling, size));
}

/** The consistency proof of RFC 6962 section 2.1.2; throws `RangeError` when `from` is greater than `to`. */
export function consistencyProof(reader: NodeReader, hash: TreeHash, from: number, to: number): Uint8Array[] {
  return consistencyPath(from, to).map((id) => subtree(reader, hash, id, to));
}

/** The hash over those leaves under `id` that a tree of `size` leaves has; throws `RangeError` when it has none of them. */
export function subtree(reader: NodeReader, hash: TreeHash, id: NodeId, size: number): Uint8Array {
  const start = id.index * 2 ** id.level;
  if (start >= size) throw new RangeError(`Expected a subtree that starts below leaf ${size}, found leaf ${start}.`);
  if (isComplete(id, size)) return reader.node(id.level, id.index);
  // An incomplete subtree lies on the right edge: it consists of the tree's own peaks from its first leaf on.
  const inside = peaks(size).filter(({ level, index }) => index * 2 ** level >= start);
  return foldPeaks(
    hash,
    inside.map(({ level, index }) => reader.node(level, index)),
  );
}
