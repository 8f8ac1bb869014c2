/**
 * Where things are in an RFC 6962 tree; no hashes. Node `(level, index)` covers leaves `index·2^level` up to, not
 * including, `(index+1)·2^level`. It is complete when the tree has all of them; on the right edge it may cover fewer.
 * Sizes go up to 2^48, beyond the reach of JavaScript's 32-bit operators: division and remainder take their place.
 */

export interface NodeId {
  readonly level: number;
  readonly index: number;
}

/** 2^48: sequence numbers take six bytes on disk and wire. */
export const maxTreeSize = 2 ** 48;

/** The complete subtrees that together make up a tree of `size` leaves, largest (leftmost) first: one per bit that is set in `size`. */
export function peaks(size: number): NodeId[] {
  requireSize(size);
  const found: NodeId[] = [];
  for (let level = 0, rest = size; rest > 0; level++, rest = half(rest)) {
    if (rest % 2 === 1) found.push({ level, index: rest - 1 });
  }
  return found.reverse();
}

/** Whether a tree of `size` leaves has every leaf under `node`. */
export function isComplete({ level, index }: NodeId, size: number): boolean {
  return (index + 1) * 2 ** level <= size;
}

/** The nodes whose hashes prove that leaf `index` is in a tree of `size` leaves, in the order of RFC 6962 section 2.1.1. Some may be incomplete. */
export function inclusionPath(index: number, size: number): NodeId[] {
  requireSize(size);
  if (!Number.isSafeInteger(index) || index < 0 || index >= size) {
    throw new RangeError(`Expected a leaf from 0 to ${size - 1}, found ${index}.`);
  }
  return siblingsUpwards({ level: 0, index }, size);
}

/** The nodes whose hashes prove that the complete subtree `id` is in a tree of `size` leaves, from its sibling upwards. */
export function subtreePath(id: NodeId, size: number): NodeId[] {
  requireSize(size);
  if (!isComplete(id, size)) throw new RangeError(`Expected a complete subtree of ${size} leaves.`);
  return siblingsUpwards(id, size);
}

/**
 * The nodes whose hashes prove that the tree of `from` leaves is the beginning of the tree of `to` leaves, in the order of
 * RFC 6962 section 2.1.2. None when `from` is 0 or `to`: there is nothing to prove.
 */
export function consistencyPath(from: number, to: number): NodeId[] {
  requireSize(to);
  requireSize(from);
  if (from > to) throw new RangeError(`Expected an older size of at most ${to}, found ${from}.`);
  if (from === 0 || from === to) return [];
  const lastPeak = peaks(from).at(-1) ?? { level: 0, index: 0 };
  const upwards = siblingsUpwards(lastPeak, to);
  // The verifier has the old root. Only when that is not itself a node of the new tree does it need the last peak, too.
  return lastPeak.index === 0 ? upwards : [lastPeak, ...upwards];
}

/** The siblings that a tree of `size` leaves has on the way from `node` to the root. */
function siblingsUpwards({ level, index }: NodeId, size: number): NodeId[] {
  const path: NodeId[] = [];
  for (; 2 ** level < size; level++, index = half(index)) {
    const sibling = index % 2 === 0 ? index + 1 : index - 1;
    if (sibling * 2 ** level < size) path.push({ level, index: sibling });
  }
  return path;
}

export function half(n: number): number {
  return Math.floor(n / 2);
}

function requireSize(size: number): void {
  if (!Number.isSafeInteger(size) || size < 0 || size > maxTreeSize) {
    throw new RangeError(`Expected a tree size from 0 to 2^48, found ${size}.`);
  }
}
