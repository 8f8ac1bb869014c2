import { equalBytes, toHex } from '@grapevine/shared/log/bytes.ts';
import { originLength } from '@grapevine/shared/log/head.ts';
import type { TreeHash } from '@grapevine/shared/merkle/tree-hash.ts';
import { damaged } from '../store/damage.ts';
import type { KeyValueReader } from '../store/key-value.ts';
import { seqOfKey } from '../store/keys.ts';
import { entryIn, segmentFrom, treeOf } from '../store/stored-log.ts';
import type { Segment } from '../wire/segment.ts';
import type { StoredEntry } from './views.ts';

/** Segments are kept up to this many bytes: the pages that are being read, not a share of the data. */
const maxCachedBytes = 8 * 1024 * 1024;

interface CachedSegment {
  readonly segment: Segment;
  /** By place in the segment; filled when first read, null for an erased one. */
  readonly entries: (StoredEntry | null | undefined)[];
}

/** Flushed segments that were read lately, with the entries decoded so far. */
export class SegmentCache {
  readonly #reader: KeyValueReader;
  readonly #hash: TreeHash;
  /** Least recently used first. */
  readonly #segments = new Map<string, CachedSegment>();
  #bytes = 0;

  constructor(reader: KeyValueReader, hash: TreeHash) {
    this.#reader = reader;
    this.#hash = hash;
  }

  /**
   * Entry `seq` of the segment of `origin` that starts at `firstSeq`; `undefined` when it has been erased. An entry whose
   * bytes are not what the tree says is `DATA_DAMAGED`: it is never shown.
   */
  entry(origin: string, firstSeq: number, seq: number): StoredEntry | undefined {
    const cached = this.#cached(origin, firstSeq);
    const known = cached.entries[seq - firstSeq];
    if (known !== undefined) return known ?? undefined;
    const entry = entryIn(cached.segment, seq);
    const stored = entry === undefined ? null : { id: this.#idOf(cached.segment, seq), entry };
    cached.entries[seq - firstSeq] = stored;
    return stored ?? undefined;
  }

  /** Throws `DATA_DAMAGED` when `origin` has no segment that starts at `firstSeq`. */
  segment(origin: string, firstSeq: number): Segment {
    return this.#cached(origin, firstSeq).segment;
  }

  /** Reads the segment whose key in the table `segments` is `key` anew the next time: it has been changed. */
  forget(key: Uint8Array): void {
    const name = nameOf(toHex(key.subarray(0, originLength)), seqOfKey(key));
    const cached = this.#segments.get(name);
    if (cached === undefined) return;
    this.#segments.delete(name);
    this.#bytes -= cached.segment.bytes.length;
  }

  #idOf({ origin, firstSeq, records }: Segment, seq: number): string {
    const record = records[seq - firstSeq];
    const kept = treeOf(this.#reader, origin).node(0, seq);
    if (record?.kind !== 'entry' || !equalBytes(this.#hash.leaf(record.bytes), kept)) {
      throw damaged(`Entry ${origin}/${seq}: expected the id ${toHex(kept)}, found other bytes.`, { origin, seq });
    }
    return toHex(kept);
  }

  #cached(origin: string, firstSeq: number): CachedSegment {
    const key = nameOf(origin, firstSeq);
    let cached = this.#segments.get(key);
    if (cached === undefined) {
      cached = { segment: segmentFrom(this.#reader, origin, firstSeq), entries: [] };
      this.#bytes += cached.segment.bytes.length;
    }
    this.#segments.delete(key);
    this.#segments.set(key, cached);
    this.#evict();
    return cached;
  }

  #evict(): void {
    for (const [key, { segment }] of this.#segments) {
      if (this.#bytes <= maxCachedBytes || this.#segments.size === 1) return;
      this.#segments.delete(key);
      this.#bytes -= segment.bytes.length;
    }
  }
}

function nameOf(origin: string, firstSeq: number): string {
  return `${origin}/${firstSeq}`;
}
