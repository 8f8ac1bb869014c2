/**
 * Proof checks, after the algorithms of RFC 9162 sections 2.1.3.2 and 2.1.4.2 (its trees are those of RFC 6962). They take
 * what a stranger sent and answer false to whatever does not prove; they never throw.
 */
import { equalBytes } from '../log/bytes.ts';
import { half, isComplete, maxTreeSize, type NodeId } from './geometry.ts';
import { emptyRoot, hashLength, type TreeHash } from './tree-hash.ts';

export interface InclusionClaim {
  readonly hash: TreeHash;
  readonly leafHash: Uint8Array;
  /** Of the leaf. */
  readonly index: number;
  /** Number of leaves of the tree that has `root`. */
  readonly size: number;
  readonly path: readonly Uint8Array[];
  readonly root: Uint8Array;
}

/** Whether `path` proves that the tree of `size` leaves with `root` has `leafHash` at `index`. */
export function verifyInclusion({ leafHash, index, ...claim }: InclusionClaim): boolean {
  return verifySubtree({ ...claim, node: leafHash, id: { level: 0, index } });
}

export interface SubtreeClaim {
  readonly hash: TreeHash;
  /** Hash of the complete subtree `id`. */
  readonly node: Uint8Array;
  readonly id: NodeId;
  /** Number of leaves of the tree that has `root`. */
  readonly size: number;
  /** The siblings on the way up, as for an inclusion proof. */
  readonly path: readonly Uint8Array[];
  readonly root: Uint8Array;
}

/** Whether `path` proves that the tree of `size` leaves with `root` has the complete subtree `id` with the hash `node`. */
export function verifySubtree({ hash, node: subtree, id, size, path, root }: SubtreeClaim): boolean {
  if (!isSize(size) || !isSize(id.index) || !isComplete(id, size)) return false;
  if (![subtree, root, ...path].every(isHash)) return false;
  let computed = subtree;
  // `node` is the place of `computed` on its level, `last` the place of that level's last node.
  let [node, last] = [id.index, Math.floor((size - 1) / 2 ** id.level)];
  for (const sibling of path) {
    if (last === 0) return false;
    if (node % 2 === 1 || node === last) {
      computed = hash.node(sibling, computed);
      // A lone last node is its own parent: go up to where it has a left sibling, which is the one just joined.
      while (node % 2 === 0 && node !== 0) [node, last] = [half(node), half(last)];
    } else {
      computed = hash.node(computed, sibling);
    }
    [node, last] = [half(node), half(last)];
  }
  return last === 0 && equalBytes(computed, root);
}

export interface ConsistencyClaim {
  readonly hash: TreeHash;
  readonly from: number;
  readonly to: number;
  readonly path: readonly Uint8Array[];
  /** Root of the first `from` leaves. */
  readonly fromRoot: Uint8Array;
  /** Root of the first `to` leaves. */
  readonly toRoot: Uint8Array;
}

/**
 * Whether `path` proves that the tree of `to` leaves begins with the tree of `from` leaves. The empty tree begins every
 * tree, and a tree begins itself; both with an empty path.
 */
export function verifyConsistency({ hash, from, to, path, fromRoot, toRoot }: ConsistencyClaim): boolean {
  if (!isSize(from) || !isSize(to) || from > to || ![fromRoot, toRoot, ...path].every(isHash)) return false;
  if (from === to) return path.length === 0 && equalBytes(fromRoot, toRoot);
  if (from === 0) return path.length === 0 && equalBytes(fromRoot, emptyRoot());
  let [node, last] = [from - 1, to - 1];
  while (node % 2 === 1) [node, last] = [half(node), half(last)];
  // When the old tree is one complete subtree of the new one, its root is known and not part of the path.
  const [first, ...rest] = node === 0 ? [fromRoot, ...path] : path;
  if (first === undefined) return false;
  let [older, newer] = [first, first];
  for (const sibling of rest) {
    if (last === 0) return false;
    if (node % 2 === 1 || node === last) {
      older = hash.node(sibling, older);
      newer = hash.node(sibling, newer);
      while (node % 2 === 0 && node !== 0) [node, last] = [half(node), half(last)];
    } else {
      newer = hash.node(newer, sibling);
    }
    [node, last] = [half(node), half(last)];
  }
  return last === 0 && equalBytes(older, fromRoot) && equalBytes(newer, toRoot);
}

function isSize(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0 && value <= maxTreeSize;
}

function isHash(bytes: Uint8Array): boolean {
  return bytes instanceof Uint8Array && bytes.length === hashLength;
}
