import type { LogReader } from '@grapevine/cluster-node/core/ports.ts';
import type { CheckedSegment } from '@grapevine/cluster-node/store/log-store.ts';
import type { Segment } from '@grapevine/cluster-node/wire/segment.ts';
import type { SignedHead } from '@grapevine/shared/log/head.ts';
import type { NodeReader } from '@grapevine/shared/merkle/tree-reader.ts';
import type { DiskSchedule, NodeDisk } from './node-disk.ts';

interface OriginOnDisk {
  head: SignedHead;
  readonly segments: Segment[];
  /** Complete tree nodes: first by level, then by index. */
  readonly levels: Uint8Array[][];
}

interface Write {
  readonly segments: readonly CheckedSegment[];
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** The logs and trees alone, without views: for clusters so large that the node's own store would take most of the time. */
export class LightDisk implements NodeDisk {
  readonly log: LogReader = {
    heads: () => this.heads(),
    segmentsFrom: (origin, seq, maxBytes) => this.#segmentsFrom(origin, seq, maxBytes),
    tree: (origin) => this.#tree(origin),
  };
  readonly views = undefined;
  readonly data = undefined;
  readonly store = undefined;
  readonly #schedule: DiskSchedule;
  #origins = new Map<string, OriginOnDisk>();
  #unflushed: Write[] = [];

  constructor(schedule: DiskSchedule) {
    this.#schedule = schedule;
  }

  open(): Promise<void> {
    return Promise.resolve();
  }

  commit(segments: readonly CheckedSegment[]): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const write = { segments, resolve, reject };
    this.#unflushed.push(write);
    this.#schedule.afterWrite(() => this.#end(write));
    return promise;
  }

  crash(keepsWrite: boolean): boolean {
    const kept = keepsWrite ? this.#unflushed[0] : undefined;
    this.#unflushed = [];
    if (kept !== undefined) this.#flush(kept);
    return kept !== undefined;
  }

  backUp(): () => void {
    const backup = copyOf(this.#origins);
    return () => {
      this.#origins = copyOf(backup);
    };
  }

  wipe(): void {
    this.#origins = new Map();
  }

  flip(): boolean {
    return false;
  }

  heads(): SignedHead[] {
    return [...this.#origins.values()].map(({ head }) => head);
  }

  segments(origin: string): Uint8Array[] {
    return this.#segmentsFrom(origin, 0, Number.POSITIVE_INFINITY);
  }

  #segmentsFrom(origin: string, seq: number, maxBytes: number): Uint8Array[] {
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

  #tree(origin: string): NodeReader {
    return {
      node: (level, index) => {
        const hash = this.#origins.get(origin)?.levels[level]?.[index];
        if (hash === undefined) throw new Error(`There is no node ${level}/${index} of ${origin}.`);
        return hash;
      },
    };
  }

  /** The write's time has come, unless a crash was faster. */
  #end(write: Write): void {
    if (this.#unflushed[0] !== write) return;
    const failure = this.#schedule.failure();
    if (failure === undefined) {
      this.#unflushed.shift();
      this.#flush(write);
      write.resolve();
    } else {
      // Those behind it were made to follow it.
      for (const { reject } of this.#unflushed.splice(0)) reject(failure);
    }
  }

  #flush({ segments }: Write): void {
    for (const checked of segments) this.#put(checked);
    this.#schedule.flushed();
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

function copyOf(origins: ReadonlyMap<string, OriginOnDisk>): Map<string, OriginOnDisk> {
  return new Map(
    [...origins].map(([origin, { head, segments, levels }]) => [
      origin,
      { head, segments: [...segments], levels: levels.map((level) => [...level]) },
    ]),
  );
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
