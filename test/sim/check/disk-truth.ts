import type { SimNode } from '../sim-node.ts';
import { SafetyViolation } from './violation.ts';

/** Entries per origin. */
type Sizes = ReadonlyMap<string, number>;

/** What every disk holds, and what those held that failed: nobody in the cluster knows as much. */
export class DiskTruth {
  readonly #sizes: Sizes[];
  readonly #failed: { readonly node: number; readonly sizes: Sizes }[] = [];

  constructor(nodes: readonly SimNode[]) {
    this.#sizes = nodes.map(() => new Map());
  }

  /** Looks at the disk of `node` again: by itself it only ever grows. */
  flushed(node: SimNode): void {
    const before = this.#sizes[node.index] ?? new Map();
    const now = sizesOf(node);
    for (const [origin, size] of before) {
      const left = now.get(origin) ?? 0;
      if (left >= size) continue;
      throw new SafetyViolation('C1', `${node.name} went back from ${size} to ${left} entries of ${origin}`);
    }
    this.#sizes[node.index] = now;
  }

  /** The disk of `node` was wiped or put back to an earlier state, which is no fault of the node. */
  failed(node: SimNode): void {
    this.#failed.push({ node: node.index, sizes: this.#sizes[node.index] ?? new Map() });
    this.#sizes[node.index] = sizesOf(node);
  }

  /** Entries of `origin` on the disk of `node`. */
  held(node: SimNode, origin: string): number {
    return this.#sizes[node.index]?.get(origin) ?? 0;
  }

  /** For each origin on the disk of `node`, entries on the disk that holds the most. */
  mostHeldOf(node: SimNode): Sizes {
    const origins = this.#sizes[node.index]?.keys() ?? [];
    return new Map(Array.from(origins, (origin) => [origin, this.mostHeld(origin)]));
  }

  /** Entries of `origin` on the disk that holds the most. */
  mostHeld(origin: string): number {
    return Math.max(0, ...this.#sizes.map((sizes) => sizes.get(origin) ?? 0));
  }

  /** Nodes that hold the first `size` entries of `origin`, or did before their disks failed; each counts once. */
  everHeldBy(origin: string, size: number): number {
    const present = this.#sizes.map((sizes, node) => ({ node, sizes }));
    const holders = [...present, ...this.#failed].filter(({ sizes }) => (sizes.get(origin) ?? 0) >= size);
    return new Set(holders.map(({ node }) => node)).size;
  }

  /** Failed disks that held the first `size` entries of `origin`. */
  failedWith(origin: string, size: number): number {
    return this.#failed.filter(({ sizes }) => (sizes.get(origin) ?? 0) >= size).length;
  }
}

function sizesOf({ disk }: SimNode): Sizes {
  return new Map(disk.heads().map(({ origin, size }) => [origin, size]));
}
