import type { SignedHead } from '@grapevine/shared/log/head.ts';
import { nodeLeaf, rootOfLeaves } from '@grapevine/shared/log/node-root.ts';
import type { TreeHash } from '@grapevine/shared/merkle/tree-hash.ts';
import type { CheckedSegment } from '../store/log-store.ts';

/** What this node has flushed, origin by origin: all that it advertises. */
export class FlushedLog {
  readonly #hash: TreeHash;
  readonly #heads = new Map<string, SignedHead>();
  readonly #vector = new Map<string, number>();
  /** Leaf hashes under the root, of the origins that have not grown since they were made. */
  readonly #leaves = new Map<string, Uint8Array>();
  /** All origins, sorted; undefined when one is new. */
  #sorted: readonly string[] | undefined;
  #root: Uint8Array | undefined;

  constructor(hash: TreeHash, heads: readonly SignedHead[]) {
    this.#hash = hash;
    for (const head of heads) this.#set(head);
  }

  get vector(): ReadonlyMap<string, number> {
    return this.#vector;
  }

  heads(): SignedHead[] {
    return [...this.#heads.values()];
  }

  head(origin: string): SignedHead | undefined {
    return this.#heads.get(origin);
  }

  size(origin: string): number {
    return this.#vector.get(origin) ?? 0;
  }

  /** Equal on every node that holds the same. */
  root(): Uint8Array {
    this.#root ??= rootOfLeaves(this.#hash, this.#sortedLeaves());
    return this.#root;
  }

  /** Notes that `segments` are on disk; answers the origins that grew. */
  apply(segments: readonly CheckedSegment[]): Set<string> {
    const grown = new Set<string>();
    for (const { segment } of segments) {
      this.#set(segment.head);
      grown.add(segment.origin);
    }
    return grown;
  }

  /** Notes that another history has taken the place of the log of `origin`; without a head nothing of it is left. */
  replace(origin: string, head: SignedHead | undefined): void {
    this.#heads.delete(origin);
    this.#vector.delete(origin);
    this.#leaves.delete(origin);
    this.#sorted = undefined;
    this.#root = undefined;
    if (head !== undefined) this.#set(head);
  }

  #sortedLeaves(): Uint8Array[] {
    this.#sorted ??= [...this.#heads.keys()].sort();
    const leaves: Uint8Array[] = [];
    for (const origin of this.#sorted) {
      const head = this.#heads.get(origin);
      if (head !== undefined && head.size > 0) leaves.push(this.#leafOf(head));
    }
    return leaves;
  }

  #leafOf(head: SignedHead): Uint8Array {
    // A copy, for a hash may be a view of memory that many share.
    const leaf = this.#leaves.get(head.origin) ?? new Uint8Array(nodeLeaf(this.#hash, head));
    this.#leaves.set(head.origin, leaf);
    return leaf;
  }

  #set(head: SignedHead): void {
    if (!this.#heads.has(head.origin)) this.#sorted = undefined;
    this.#leaves.delete(head.origin);
    this.#heads.set(head.origin, head);
    this.#vector.set(head.origin, head.size);
    this.#root = undefined;
  }
}
