import type { SignedHead } from '@grapevine/shared/log/head.ts';
import { nodeRoot } from '@grapevine/shared/log/node-root.ts';
import type { TreeHash } from '@grapevine/shared/merkle/tree-hash.ts';
import type { CheckedSegment } from '../store/log-store.ts';

/** What this node has flushed, origin by origin: all that it advertises. */
export class FlushedLog {
  readonly #hash: TreeHash;
  readonly #heads = new Map<string, SignedHead>();
  readonly #vector = new Map<string, number>();
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
    this.#root ??= nodeRoot(this.#hash, this.#heads.values());
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

  #set(head: SignedHead): void {
    this.#heads.set(head.origin, head);
    this.#vector.set(head.origin, head.size);
    this.#root = undefined;
  }
}
