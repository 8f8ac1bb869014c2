/** Reading what a node holds of one origin, from any state of the store: a flushed one or a batch. */
import { decodeEntry, type Entry } from '@grapevine/shared/log/entry.ts';
import { TileReader } from '@grapevine/shared/merkle/tiles.ts';
import type { NodeReader } from '@grapevine/shared/merkle/tree-reader.ts';
import { decodeSegment, type Segment } from '../wire/segment.ts';
import { damaged, readStored } from './damage.ts';
import type { KeyValueReader } from './key-value.ts';
import { seqKey, seqsDownFrom, seqsFrom, tileKey } from './keys.ts';

/** The segment of `origin` that holds entry `seq`, if any does. */
export function segmentAt(reader: KeyValueReader, origin: string, seq: number): Segment | undefined {
  for (const [, bytes] of reader.range('segments', seqsDownFrom(origin, seq))) {
    const segment = decodeStoredSegment(origin, bytes);
    return seq < segment.head.size ? segment : undefined;
  }
  return undefined;
}

/** The segment that starts with entry `firstSeq`; throws `DATA_DAMAGED` when it is not there. */
export function segmentFrom(reader: KeyValueReader, origin: string, firstSeq: number): Segment {
  const bytes = reader.get('segments', seqKey(origin, firstSeq));
  if (bytes === undefined) throw damaged(`Expected a segment at ${origin}/${firstSeq}, found none.`);
  return decodeStoredSegment(origin, bytes);
}

/** Bytes of the segments from the one that holds entry `seq` on. */
export function* segmentBytesFrom(reader: KeyValueReader, origin: string, seq: number): Generator<Uint8Array> {
  const first = segmentAt(reader, origin, seq);
  if (first === undefined) return;
  for (const [, bytes] of reader.range('segments', seqsFrom(origin, first.firstSeq))) yield bytes;
}

/** The entry at `seq` of its segment; `undefined` when it has been erased. */
export function entryIn(segment: Segment, seq: number): Entry | undefined {
  const record = segment.records[seq - segment.firstSeq];
  if (record?.kind !== 'entry') return undefined;
  return readStored(`Entry ${segment.origin}/${seq}`, () => decodeEntry(record.bytes));
}

/** The complete tree nodes of `origin`. Use it at once: it keeps tiles of the snapshot that it first reads. */
export function treeOf(reader: KeyValueReader, origin: string): NodeReader {
  const tiles = new TileReader((group, tile) => reader.get('tiles', tileKey(origin, group, tile)));
  return {
    node: (level, index) => readStored(`Tree of ${origin}`, () => tiles.node(level, index)),
  };
}

export function decodeStoredSegment(origin: string, bytes: Uint8Array): Segment {
  return readStored(`Segment of ${origin}`, () => decodeSegment(bytes));
}
