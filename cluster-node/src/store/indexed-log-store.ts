import type { SignedHead } from '@grapevine/shared/log/head.ts';
import type { TreeHash } from '@grapevine/shared/merkle/tree-hash.ts';
import type { NodeReader } from '@grapevine/shared/merkle/tree-reader.ts';
import { Indexes } from '../views/indexes.ts';
import { SegmentCache } from '../views/segment-cache.ts';
import { StoredViews } from '../views/stored-views.ts';
import { appendSegment } from './append-segment.ts';
import { Batch } from './batch.ts';
import { DataDamage } from './damage.ts';
import { readHeads, sizeOf } from './head-record.ts';
import type { KeyValueReader, KeyValueStore } from './key-value.ts';
import type { CheckedSegment, LogStore, Maintenance } from './log-store.ts';
import { requireSchema } from './schema.ts';
import { segmentBytesFrom, treeOf } from './stored-log.ts';
import { WriteQueue } from './write-queue.ts';

/**
 * The logs of all origins and their views over one key-value store. Every read is one of flushed state, but for those of a
 * projection, which sees what is on its way to disk before it. So when a write fails there is nothing to take back in memory
 * but the indexes' newest records.
 */
export class IndexedLogStore implements LogStore {
  readonly views: StoredViews;
  readonly flushed: KeyValueReader;
  readonly #data: KeyValueStore;
  readonly #indexes = new Indexes();
  readonly #segments: SegmentCache;
  readonly #writes: WriteQueue;
  #onDamage: (damage: DataDamage) => void = () => undefined;

  private constructor(data: KeyValueStore, hash: TreeHash) {
    this.#data = data;
    this.flushed = data;
    this.#segments = new SegmentCache(data, hash);
    this.views = new StoredViews(data, this.#indexes, this.#segments);
    this.#writes = new WriteQueue(data, {
      projected: (batch) => {
        const { flushes } = this.#indexes;
        return () => {
          this.#indexes.settle(flushes);
          this.views.announce(batch.changes());
        };
      },
      startOver: () => this.#indexes.load(data),
    });
  }

  /** Takes up what `data` holds; the store owns it from now on. Throws `DATA_FORMAT_UNKNOWN` or `DATA_DAMAGED`. */
  static async open(data: KeyValueStore, hash: TreeHash): Promise<IndexedLogStore> {
    await requireSchema(data);
    const store = new IndexedLogStore(data, hash);
    store.#indexes.load(data);
    return store;
  }

  heads(): SignedHead[] {
    return readHeads(this.flushed).map(({ head }) => head);
  }

  commit(segments: readonly CheckedSegment[]): Promise<void> {
    const bytes = segments.reduce((sum, { segment }) => sum + segment.bytes.length, 0);
    return this.#enqueue(bytes, (batch, { resolve, reject }) => {
      const gap = gapIn(batch, segments);
      if (gap !== undefined) return () => reject(new RangeError(gap));
      for (const checked of segments) appendSegment(batch, this.#indexes, checked);
      return resolve;
    });
  }

  maintain<Result>(change: Maintenance<Result>): Promise<Result> {
    return this.#enqueue<Result>(0, (batch, { resolve, reject }) => {
      // On a batch of its own, because one that throws must leave nothing behind for its neighbours to be flushed with.
      const own = new Batch(batch);
      try {
        const result = change(own, this.#indexes);
        const changes = [...own.changes()];
        for (const one of changes) batch.add(one);
        return () => {
          for (const { table, key } of changes) if (table === 'segments') this.#segments.forget(key);
          resolve(result);
        };
      } catch (error) {
        return () => reject(asError(error));
      }
    });
  }

  segmentsFrom(origin: string, seq: number, maxBytes: number): Uint8Array[] {
    const segments: Uint8Array[] = [];
    let bytes = 0;
    try {
      for (const segment of segmentBytesFrom(this.flushed, origin, seq)) {
        bytes += segment.length;
        if (segments.length > 0 && bytes > maxBytes) break;
        segments.push(segment);
      }
    } catch (error) {
      if (!(error instanceof DataDamage)) throw error;
      this.#onDamage(error);
    }
    return segments;
  }

  tree(origin: string): NodeReader {
    return treeOf(this.flushed, origin);
  }

  onDamage(listener: (damage: DataDamage) => void): void {
    this.#onDamage = listener;
  }

  /** Waits for the writes under way, then closes. */
  async close(): Promise<void> {
    await this.#writes.idle();
    await this.#data.close();
  }

  #enqueue<Result>(
    bytes: number,
    project: (batch: Batch, caller: PromiseWithResolvers<Result>) => () => void,
  ): Promise<Result> {
    const caller = Promise.withResolvers<Result>();
    this.#writes.add(bytes, (batch) => project(batch, caller), caller.reject);
    return caller.promise;
  }
}

/** Says where `segments` leave a hole or go back (invariant L3), if they do. */
function gapIn(batch: Batch, segments: readonly CheckedSegment[]): string | undefined {
  const sizes = new Map<string, number>();
  for (const { segment } of segments) {
    const size = sizes.get(segment.origin) ?? sizeOf(batch, segment.origin);
    if (segment.firstSeq !== size) {
      return `Expected a segment of ${segment.origin} that starts at ${size}, found ${segment.firstSeq}.`;
    }
    sizes.set(segment.origin, segment.head.size);
  }
  return undefined;
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
