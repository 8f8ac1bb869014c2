import { half, peaks } from './geometry.ts';
import { emptyRoot, hashLength, type TreeHash } from './tree-hash.ts';

/** Takes neighbouring nodes `(level, first)`, `(level, first + 1)` … that became complete; `hashes` holds theirs one after the other. */
export type NodeSink = (level: number, first: number, hashes: Uint8Array) => void;

/**
 * The growing edge of an RFC 6962 tree: only the roots of its complete subtrees are kept, at most 48 hashes, and that is all
 * it takes to append and to know the root. Appending costs one node hash per leaf on average.
 */
export class Frontier {
  readonly #hash: TreeHash;
  /** At place `level`, the root of the complete subtree of 2^level leaves, when the binary form of the size has that bit. */
  readonly #peaks: (Uint8Array | undefined)[] = [];
  #size = 0;

  constructor(hash: TreeHash) {
    this.#hash = hash;
  }

  /** Takes up a tree of `size` leaves again; `hashes` as `peaks()` gave them. Throws `RangeError` when they do not fit the size. */
  static fromPeaks(hash: TreeHash, size: number, hashes: readonly Uint8Array[]): Frontier {
    const places = peaks(size);
    if (places.length !== hashes.length || hashes.some((peak) => peak.length !== hashLength)) {
      throw new RangeError(`Expected ${places.length} peaks of 32 bytes for size ${size}, found ${hashes.length}.`);
    }
    const frontier = new Frontier(hash);
    for (const [i, { level }] of places.entries()) frontier.#peaks[level] = hashes[i];
    frontier.#size = size;
    return frontier;
  }

  /** Number of leaves. */
  get size(): number {
    return this.#size;
  }

  /** The roots of the complete subtrees, largest first, as `geometry.peaks(size)` names them. */
  peaks(): Uint8Array[] {
    return this.#peaks.filter((peak) => peak !== undefined).reverse();
  }

  clone(): Frontier {
    return Frontier.fromPeaks(this.#hash, this.#size, this.peaks());
  }

  root(): Uint8Array {
    return foldPeaks(this.#hash, this.peaks());
  }

  /**
   * Appends leaf hashes that stand one after the other: one, or many at once, which is faster. Every node that becomes
   * complete, the leaves included, goes to `onComplete`, lower levels first and left before right. It may keep the arrays:
   * they are made for it, except that the leaves are `leafHashes` itself.
   */
  append(leafHashes: Uint8Array, onComplete?: NodeSink): void {
    if (leafHashes.length % hashLength !== 0) {
      throw new RangeError(`Expected hashes of 32 bytes, found ${leafHashes.length} bytes.`);
    }
    let first = this.#size;
    this.#size += leafHashes.length / hashLength;
    for (let level = 0, run = leafHashes; run.length > 0; level++) {
      onComplete?.(level, first, run);
      run = this.#hash.parents(this.#pairUp(level, run));
      first = half(first);
    }
  }

  /** The hashes of `run` that have both siblings now, the waiting peak before them; a last one without a sibling waits in its turn. */
  #pairUp(level: number, run: Uint8Array): Uint8Array {
    const waiting = this.#peaks[level];
    const children = waiting === undefined ? run : concat(waiting, run);
    const paired = children.length - (children.length % (2 * hashLength));
    // A copy, and not by slice(), which is a view when a caller passes a Buffer: the batch must not live on behind a peak.
    this.#peaks[level] = paired < children.length ? new Uint8Array(children.subarray(paired)) : undefined;
    return children.subarray(0, paired);
  }
}

/** The root over complete subtrees, largest first: each joins what lies to its right (RFC 6962 section 2.1). */
export function foldPeaks(hash: TreeHash, hashes: readonly Uint8Array[]): Uint8Array {
  const last = hashes.at(-1);
  if (last === undefined) return emptyRoot();
  return hashes.slice(0, -1).reduceRight((right, left) => hash.node(left, right), last);
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
