import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import type { SignedHead } from '@grapevine/shared/log/head.ts';
import { TileWriter } from '@grapevine/shared/merkle/tiles.ts';
import type { TreeHash } from '@grapevine/shared/merkle/tree-hash.ts';
import type { NodeReader } from '@grapevine/shared/merkle/tree-reader.ts';
import { Indexes } from '../views/indexes.ts';
import { projectSegment } from '../views/projection.ts';
import { SegmentCache } from '../views/segment-cache.ts';
import { StoredViews } from '../views/stored-views.ts';
import { Batch } from './batch.ts';
import { DataDamage } from './damage.ts';
import { countOrigins, encodeHeadRecord, maxOrigins, readHead, readHeads, sizeOf } from './head-record.ts';
import type { KeyValueReader, KeyValueStore } from './key-value.ts';
import { ordinalKey, originKey, seqKey, tileKey } from './keys.ts';
import type { CheckedSegment, LogStore, Maintenance } from './log-store.ts';
import { requireSchema } from './schema.ts';
import { segmentBytesFrom, treeOf } from './stored-log.ts';

/** Bytes of segments in one write: larger ones would only make the first of its commits wait for the last. */
const maxGroupBytes = 2 * 1024 * 1024;

/** One call's part in a transaction. */
interface Write {
  /** Bytes of the segments that it brings. */
  readonly bytes: number;
  /** Makes its changes in the batch; answers what is to be done once they are flushed. */
  readonly project: (batch: Batch) => () => void;
  readonly reject: (error: Error) => void;
}

/**
 * The logs of all origins and their views over one key-value store. One transaction is under way at a time; writes that
 * arrive meanwhile share the next one. Projecting them only then makes every read, those of the projection included, a
 * read of flushed state, and leaves nothing to take back in memory but the indexes' newest records when a write fails.
 */
export class IndexedLogStore implements LogStore {
  readonly views: StoredViews;
  readonly flushed: KeyValueReader;
  readonly #data: KeyValueStore;
  readonly #indexes = new Indexes();
  readonly #segments: SegmentCache;
  #waiting: Write[] = [];
  #writing: Promise<void> | undefined;
  #onDamage: (damage: DataDamage) => void = () => undefined;
  /** Why no further write can be taken. */
  #broken: Error | undefined;

  private constructor(data: KeyValueStore, hash: TreeHash) {
    this.#data = data;
    this.flushed = data;
    this.#segments = new SegmentCache(data, hash);
    this.views = new StoredViews(data, this.#indexes, this.#segments);
  }

  /** Takes up what `data` holds; the store owns it from now on. Throws `DATA_DIR_UNUSABLE` or `DATA_DAMAGED`. */
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
      for (const checked of segments) this.#append(batch, checked);
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
    await this.#writing;
    await this.#data.close();
  }

  #enqueue<Result>(
    bytes: number,
    project: (batch: Batch, caller: PromiseWithResolvers<Result>) => () => void,
  ): Promise<Result> {
    if (this.#broken !== undefined) return Promise.reject(this.#broken);
    const caller = Promise.withResolvers<Result>();
    this.#waiting.push({ bytes, project: (batch) => project(batch, caller), reject: caller.reject });
    this.#writing ??= this.#writeWaiting();
    return caller.promise;
  }

  async #writeWaiting(): Promise<void> {
    // What is written in one turn of the event loop goes into one transaction.
    await Promise.resolve();
    while (this.#waiting.length > 0) await this.#writeGroup(this.#nextGroup());
    this.#writing = undefined;
  }

  #nextGroup(): Write[] {
    let bytes = 0;
    const rest = this.#waiting.findIndex((write, i) => {
      bytes += write.bytes;
      return i > 0 && bytes > maxGroupBytes;
    });
    return this.#waiting.splice(0, rest === -1 ? this.#waiting.length : rest);
  }

  async #writeGroup(group: readonly Write[]): Promise<void> {
    try {
      const batch = new Batch(this.flushed);
      const flushed = group.map((write) => write.project(batch));
      if (!batch.isEmpty) await this.#data.write(batch.changes());
      this.#indexes.settle();
      for (const settle of flushed) settle();
      this.views.announce(batch.changes());
    } catch (error) {
      this.#giveUp(group, asError(error));
    }
  }

  #append(batch: Batch, checked: CheckedSegment): void {
    const { segment, nodes } = checked;
    const { origin, firstSeq, head } = segment;
    this.#indexes.reserve(batch, segment.records.length);
    const ordinal = readHead(batch, origin)?.ordinal ?? addOrigin(batch, origin);
    batch.put('segments', seqKey(origin, firstSeq), segment.bytes);
    const tiles = new TileWriter((group, tile) => batch.get('tiles', tileKey(origin, group, tile)));
    for (const { level, first, hashes } of nodes) tiles.add(level, first, hashes);
    for (const { group, tile, bytes } of tiles.take()) batch.put('tiles', tileKey(origin, group, tile), bytes);
    batch.put('heads', originKey(origin), encodeHeadRecord({ ordinal, head }));
    projectSegment(batch, this.#indexes, checked, ordinal);
  }

  /** Nothing of `group` was written, and what waits was made to follow it. */
  #giveUp(group: readonly Write[], error: Error): void {
    const refused = [...group, ...this.#waiting];
    this.#waiting = [];
    for (const { reject } of refused) reject(error);
    try {
      this.#indexes.load(this.flushed);
    } catch (loadError) {
      this.#broken = asError(loadError);
    }
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

function addOrigin(batch: Batch, origin: string): number {
  const ordinal = countOrigins(batch);
  if (ordinal === maxOrigins) {
    throw new GrapevineError('UNAVAILABLE', `The store holds ${maxOrigins} origins, its most, and was given another.`);
  }
  batch.put('origins', ordinalKey(ordinal), originKey(origin));
  return ordinal;
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
