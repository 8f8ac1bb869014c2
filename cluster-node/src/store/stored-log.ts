/** Reading what a node holds of one origin, from any state of the store: a flushed one or a batch. */
import { toHex } from '@grapevine/shared/log/bytes.ts';
import { decodeEntry, type Entry } from '@grapevine/shared/log/entry.ts';
import { originLength } from '@grapevine/shared/log/head.ts';
import { TileReader } from '@grapevine/shared/merkle/tiles.ts';
import type { NodeReader } from '@grapevine/shared/merkle/tree-reader.ts';
import { decodeSegment, minSegmentBytes, type Segment, segmentFirstSeq, segmentHeadSize } from '../wire/segment.ts';
import { damaged, readStored } from './damage.ts';
import { sizeOf } from './head-record.ts';
import type { KeyValueReader } from './key-value.ts';
import { afterPrefix, everything, seqKey, seqOfKey, seqsDownFrom, seqsFrom, tileKey } from './keys.ts';

/** The origins that the keys of `table` start with, in order. */
export function* originsIn(reader: KeyValueReader, table: 'heads' | 'segments' | 'tiles'): Generator<string> {
  for (let from: Uint8Array = everything.from; ; ) {
    const [next] = reader.range(table, { from, to: everything.to });
    if (next === undefined) return;
    const origin = next[0].slice(0, originLength);
    yield toHex(origin);
    from = afterPrefix(origin);
  }
}

/**
 * The segment of `origin` that holds entry `seq`; `undefined` when the log does not reach so far. Throws `DataDamage` when it
 * does, but the segment cannot be read or is in quarantine.
 */
export function segmentAt(reader: KeyValueReader, origin: string, seq: number): Segment | undefined {
  for (const [key, bytes] of reader.range('segments', seqsDownFrom(origin, seq))) {
    const segment = decodeStoredSegment(origin, seqOfKey(key), bytes);
    if (seq < segment.head.size) return segment;
    break;
  }
  if (seq < sizeOf(reader, origin)) throw damaged(`Entry ${origin}/${seq}: its segment is missing.`, { origin, seq });
  return undefined;
}

/** The segment that starts with entry `firstSeq`; throws `DataDamage` when it is not there. */
export function segmentFrom(reader: KeyValueReader, origin: string, firstSeq: number): Segment {
  const bytes = reader.get('segments', seqKey(origin, firstSeq));
  if (bytes !== undefined) return decodeStoredSegment(origin, firstSeq, bytes);
  throw damaged(`Expected a segment at ${origin}/${firstSeq}, found none.`, { origin, seq: firstSeq });
}

/** Bytes of the segments from the one that holds entry `seq` on, up to the end of the log or to one that is missing. */
export function* segmentBytesFrom(reader: KeyValueReader, origin: string, seq: number): Generator<Uint8Array> {
  let next = segmentAt(reader, origin, seq)?.firstSeq;
  if (next === undefined) return;
  for (const [key, bytes] of reader.range('segments', seqsFrom(origin, next))) {
    if (seqOfKey(key) !== next || bytes.length < minSegmentBytes || segmentFirstSeq(bytes) !== next) return;
    yield bytes;
    next = segmentHeadSize(bytes);
  }
}

/** The entry at `seq` of its segment; `undefined` when it has been erased. */
export function entryIn(segment: Segment, seq: number): Entry | undefined {
  const record = segment.records[seq - segment.firstSeq];
  if (record?.kind !== 'entry') return undefined;
  const { origin } = segment;
  return readStored(`Entry ${origin}/${seq}`, () => decodeEntry(record.bytes), { origin, seq });
}

/** The complete tree nodes of `origin`. Use it at once: it keeps tiles of the snapshot that it first reads. */
export function treeOf(reader: KeyValueReader, origin: string): NodeReader {
  const tiles = new TileReader((group, tile) => reader.get('tiles', tileKey(origin, group, tile)));
  return {
    // The node was made when the last entry under it came.
    node: (level, index) =>
      readStored(`Tree of ${origin}`, () => tiles.node(level, index), { origin, seq: (index + 1) * 2 ** level - 1 }),
  };
}

/** What is stored as the segment of `origin` that starts with entry `firstSeq`; throws `DataDamage` when it is no such thing. */
export function decodeStoredSegment(origin: string, firstSeq: number, bytes: Uint8Array): Segment {
  const place = { origin, seq: firstSeq };
  const segment = readStored(`Segment ${origin}/${firstSeq}`, () => decodeSegment(bytes), place);
  if (segment.origin === origin && segment.firstSeq === firstSeq) return segment;
  throw damaged(`Segment ${origin}/${firstSeq}: found ${segment.origin}/${segment.firstSeq} in its place.`, place);
}
