import { equalBytes } from '@grapevine/shared/log/bytes.ts';
import type { SignedHead } from '@grapevine/shared/log/head.ts';
import { foldPeaks } from '@grapevine/shared/merkle/frontier.ts';
import { type NodeId, peaks } from '@grapevine/shared/merkle/geometry.ts';
import { foldLevels } from '@grapevine/shared/merkle/locate-difference.ts';
import { hashLength, type TreeHash } from '@grapevine/shared/merkle/tree-hash.ts';
import {
  consistencyProof,
  inclusionProof,
  type NodeReader,
  subtreeProof,
} from '@grapevine/shared/merkle/tree-reader.ts';
import { verifyConsistency, verifyInclusion, verifySubtree } from '@grapevine/shared/merkle/verify.ts';
import { damaged } from '../store/damage.ts';

/**
 * What this node says of one origin's log. Everything is checked against the signed head before it is given, some forty
 * hashes each: else a damaged tree on this disk would look like a fork to whoever compares, and proofs would prove nothing.
 * Every method throws `DataDamage` when the stored tree does not lead to the head.
 */
export class ProvenTree {
  readonly head: SignedHead;
  readonly #tree: NodeReader;
  readonly #hash: TreeHash;

  /** `head` is known to be the origin's: it was checked when it came. */
  constructor(tree: NodeReader, head: SignedHead, hash: TreeHash) {
    this.#tree = tree;
    this.head = head;
    this.#hash = hash;
  }

  /** The root of the first `size` entries; at most as many as the head has. */
  rootAt(size: number): Uint8Array {
    return this.#provenRoot(size).root;
  }

  /** The roots of the complete subtrees that the root at `size` is folded from, largest first. */
  peaksAt(size: number): Uint8Array[] {
    return this.#provenRoot(size).peaks;
  }

  /** The proof that the head's log begins with its first `size` entries. */
  consistencyWithHead(size: number): Uint8Array[] {
    return this.#provenRoot(size).path;
  }

  /** The proof that the log of `to` entries begins with that of `from`. */
  consistency(from: number, to: number): Uint8Array[] {
    const [fromRoot, toRoot] = [this.rootAt(from), this.rootAt(to)];
    const path = consistencyProof(this.#tree, this.#hash, from, to);
    this.#require(verifyConsistency({ hash: this.#hash, from, to, path, fromRoot, toRoot }), to);
    return path;
  }

  /** The proof that the head's log has `leafHash` at `seq`. */
  inclusion(seq: number, leafHash: Uint8Array): Uint8Array[] {
    const { size, root } = this.head;
    const path = inclusionProof(this.#tree, this.#hash, seq, size);
    this.#require(verifyInclusion({ hash: this.#hash, leafHash, index: seq, size, path, root }), seq);
    return path;
  }

  /** The hash of a complete subtree. */
  node(id: NodeId): Uint8Array {
    const { size, root } = this.head;
    const node = this.#tree.node(id.level, id.index);
    const path = subtreeProof(this.#tree, this.#hash, id, size);
    this.#require(verifySubtree({ hash: this.#hash, node, id, size, path, root }), (id.index + 1) * 2 ** id.level - 1);
    return node;
  }

  /** The hashes `depth` levels below a complete subtree, from left to right, one after the other. */
  below({ level, index }: NodeId, depth: number): Uint8Array {
    const count = 2 ** depth;
    const nodes = new Uint8Array(count * hashLength);
    for (let i = 0; i < count; i++) nodes.set(this.#tree.node(level - depth, index * count + i), i * hashLength);
    const isWhole = equalBytes(foldLevels(this.#hash, nodes), this.node({ level, index }));
    this.#require(isWhole, (index + 1) * 2 ** level - 1);
    return nodes;
  }

  #provenRoot(size: number): { root: Uint8Array; peaks: Uint8Array[]; path: Uint8Array[] } {
    const { size: to, root: toRoot } = this.head;
    if (size > to) throw new RangeError(`Expected a size of at most ${to}, found ${size}.`);
    const found = peaks(size).map(({ level, index }) => this.#tree.node(level, index));
    const path = consistencyProof(this.#tree, this.#hash, size, to);
    const root = foldPeaks(this.#hash, found);
    this.#require(verifyConsistency({ hash: this.#hash, from: size, to, path, fromRoot: root, toRoot }), size - 1);
    return { root, peaks: found, path };
  }

  #require(isProven: boolean, seq: number): void {
    if (isProven) return;
    const { origin } = this.head;
    throw damaged(`The stored tree of ${origin} does not lead to its head (entry ${seq}).`, { origin });
  }
}
