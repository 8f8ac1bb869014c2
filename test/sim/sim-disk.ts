import type { LogReader } from '@grapevine/cluster-node/core/ports.ts';
import type { CheckedSegment } from '@grapevine/cluster-node/store/log-store.ts';
import type { Segment } from '@grapevine/cluster-node/wire/segment.ts';
import type { SignedHead } from '@grapevine/shared/log/head.ts';
import type { NodeReader } from '@grapevine/shared/merkle/tree-reader.ts';

interface OriginOnDisk {
  head: SignedHead;
  readonly segments: Segment[];
  /** Complete tree nodes: first by level, then by index. */
  readonly levels: Uint8Array[][];
}

/** A disk in simulated time: what is written becomes readable only when it is flushed, and a crash loses what was not. */
export class SimDisk implements LogReader {
  readonly #origins = new Map<string, OriginOnDisk>();
  #unflushed: (readonly CheckedSegment[])[] = [];

  heads(): SignedHead[] {
    return [...this.#origins.values()].map(({ head }) => head);
  }

  size(origin: string): number {
    return this.#origins.get(origin)?.head.size ?? 0;
  }

  segmentsFrom(origin: string, seq: number, maxBytes: number): Uint8Array[] {
    const segments = this.#origins.get(origin)?.segments ?? [];
    const found: Uint8Array[] = [];
    let bytes = 0;
    for (let at = firstHolding(segments, seq); at < segments.length; at++) {
      const segment = segments[at];
      if (segment === undefined || (found.length > 0 && bytes + segment.bytes.length > maxBytes)) break;
      found.push(segment.bytes);
      bytes += segment.bytes.length;
    }
    return found;
  }

  tree(origin: string): NodeReader {
    return {
      node: (level, index) => {
        const hash = this.#origins.get(origin)?.levels[level]?.[index];
        if (hash === undefined) throw new Error(`There is no node ${level}/${index} of ${origin}.`);
        return hash;
      },
    };
  }

  write(segments: readonly CheckedSegment[]): void {
    this.#unflushed.push(segments);
  }

  /** The oldest write reaches the platter. */
  flushNext(): void {
    for (const checked of this.#unflushed.shift() ?? []) this.#put(checked);
  }

  crash(): void {
    this.#unflushed = [];
  }

  /** Makes a backup of what is flushed; calling it puts the disk back to it. */
  backUp(): () => void {
    const kept = [...this.#origins].map(([origin, { head, segments, levels }]) => {
      const copy = { head, segments: [...segments], levels: levels.map((level) => [...level]) };
      return [origin, copy] as const;
    });
    return () => {
      this.#unflushed = [];
      this.#origins.clear();
      for (const [origin, copy] of kept) this.#origins.set(origin, copy);
    };
  }

  #put({ segment, nodes }: CheckedSegment): void {
    const { origin, head } = segment;
    const kept = this.#origins.get(origin) ?? { head, segments: [], levels: [] };
    if (segment.firstSeq !== (kept.segments.at(-1)?.head.size ?? 0)) {
      throw new Error(`A segment of ${origin} at ${segment.firstSeq} does not continue the log.`);
    }
    this.#origins.set(origin, kept);
    kept.head = head;
    kept.segments.push(segment);
    for (const { level, first, hashes } of nodes) {
      const row = kept.levels[level] ?? [];
      kept.levels[level] = row;
      for (let at = 0; at < hashes.length; at += 32) row[first + at / 32] = hashes.subarray(at, at + 32);
    }
  }
}

/** Place of the segment that holds entry `seq`; the number of segments when none does. */
function firstHolding(segments: readonly Segment[], seq: number): number {
  let low = 0;
  let high = segments.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((segments[middle]?.head.size ?? 0) > seq) high = middle;
    else low = middle + 1;
  }
  return low;
}
