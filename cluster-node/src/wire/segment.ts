/**
 * Segments as they travel and as they lie on disk, big-endian:
 *
 * ```
 * segment = version u8 = 1 · origin 16 · firstSeq u48 · count u16 (1 to 256) · head · record × count
 * head    = size u48 · root 32 · hlc u64 · publicKey 32 · signature 64
 * record  = 0 u8 · length u32 · entry bytes      an entry, see entry.ts
 *         | 1 u8 · leafHash 32                   what retention leaves of one
 * ```
 *
 * Two or more records take at most 64 KiB together; a single one may be as large as an entry can be. The clock values of
 * a segment's entries are consecutive ticks that end at `head.hlc`, so a segment spans at most 256 of them: readers of the
 * topic index rely on it.
 */
import { ByteReader, ByteWriter, toHex } from '@grapevine/shared/log/bytes.ts';
import { DecodeError } from '@grapevine/shared/log/decode-error.ts';
import { decodeEntry, type Entry, maxEntryBytes } from '@grapevine/shared/log/entry.ts';
import { originLength, type SignedHead } from '@grapevine/shared/log/head.ts';

/**
 * A run of consecutive entries of one origin, closed by a signed head. It travels and is stored as the bytes that the
 * origin made (`bytes`), so that no relay can change it; the other fields are what those bytes say.
 */
export interface Segment {
  /** 32 hexadecimal digits. */
  readonly origin: string;
  readonly firstSeq: number;
  /** `head.size` is `firstSeq` plus the number of records. */
  readonly head: SignedHead;
  readonly records: readonly SegmentRecord[];
  readonly bytes: Uint8Array;
}

/** An entry's canonical bytes, or what is left of it after retention: its leaf hash. */
export type SegmentRecord =
  | { readonly kind: 'entry'; readonly bytes: Uint8Array }
  | { readonly kind: 'erased'; readonly leafHash: Uint8Array };

/** Lets one byte name a record inside its segment; one signature for 256 messages is already next to nothing. */
export const maxSegmentRecords = 256;
/** Bytes that the records of a segment take together when they are more than one: about 50 datagrams. */
export const maxSharedRecordBytes = 64 * 1024;

const version = 1;
const entryKind = 0;
const erasedKind = 1;
const hashBytes = 32;
const publicKeyBytes = 32;
const signatureBytes = 64;
const countAt = 1 + originLength + 6;
const headerBytes = countAt + 2 + (6 + hashBytes + 8 + publicKeyBytes + signatureBytes);
const entryHeaderBytes = 1 + 4;

/** A segment of one erased record; an entry takes more. */
export const minSegmentBytes = headerBytes + 1 + hashBytes;

/** The bytes of a segment. Throws `RangeError` when its parts do not fit the form: whoever makes a segment keeps its bounds. */
export function encodeSegment(segment: Omit<Segment, 'bytes'>): Uint8Array {
  const { firstSeq, head, records } = segment;
  const recordBytes = records.reduce((sum, record) => sum + recordLength(record), 0);
  const misfit = misfitOf(firstSeq, head.size, records.length, recordBytes);
  if (misfit !== undefined) throw new RangeError(misfit);
  const length = headerBytes + recordBytes;
  const writer = new ByteWriter(length, length);
  writer.u8(version);
  writer.hex(segment.origin);
  writer.u48(firstSeq);
  writer.u16(records.length);
  writer.u48(head.size);
  writer.bytes(head.root);
  writer.u64(head.hlc);
  writer.bytes(head.publicKey);
  writer.bytes(head.signature);
  for (const record of records) writeRecord(writer, record);
  if (writer.length !== length) throw new RangeError('A hash, key or signature of the segment has the wrong length.');
  return writer.take();
}

/**
 * What segment bytes say; entries stay encoded and everything is a view of `bytes`, which must not change afterwards.
 * Throws `DecodeError` for any bytes that `encodeSegment` does not produce. Nothing is checked against the origin's tree.
 */
export function decodeSegment(bytes: Uint8Array): Segment {
  const reader = new ByteReader(bytes);
  const found = reader.u8();
  if (found !== version) throw new DecodeError(`Expected segment version ${version}, found ${found}.`);
  const origin = toHex(reader.bytes(originLength));
  const firstSeq = reader.u48();
  const count = reader.u16();
  const head = {
    origin,
    size: reader.u48(),
    root: reader.bytes(hashBytes),
    hlc: reader.u64(),
    publicKey: reader.bytes(publicKeyBytes),
    signature: reader.bytes(signatureBytes),
  };
  const misfit = misfitOf(firstSeq, head.size, count, reader.remaining);
  if (misfit !== undefined) throw new DecodeError(misfit);
  const records: SegmentRecord[] = [];
  for (let i = 0; i < count; i++) records.push(readRecord(reader));
  reader.end();
  return { origin, firstSeq, head, records, bytes };
}

/** The first sequence number in a segment's bytes, which are known to be sound. */
export function segmentFirstSeq(bytes: Uint8Array): number {
  return new ByteReader(bytes.subarray(1 + originLength, countAt)).u48();
}

/** The size of the head in a segment's bytes, which are known to be sound: where the next segment starts. */
export function segmentHeadSize(bytes: Uint8Array): number {
  return new ByteReader(bytes.subarray(countAt + 2)).u48();
}

/** Bytes of the entry `seq`, which is in the segment; 0 when it has been erased. */
export function entryLength({ firstSeq, records }: Segment, seq: number): number {
  const record = records[seq - firstSeq];
  return record?.kind === 'entry' ? record.bytes.length : 0;
}

/** Clock value of a segment's first record. */
export function segmentFirstHlc(segment: Segment): bigint {
  return segment.head.hlc - BigInt(segment.records.length - 1);
}

/**
 * The decoded entries of a segment, `undefined` where one has been erased. Answers `undefined` when an entry is malformed
 * or does not stand where it says: of the segment's origin, numbered on from `firstSeq`, on consecutive ticks up to
 * `head.hlc`. Entries share memory with the segment.
 */
export function checkSegmentContent(segment: Segment): (Entry | undefined)[] | undefined {
  const firstHlc = segmentFirstHlc(segment);
  if (firstHlc < 0n) return undefined;
  const entries: (Entry | undefined)[] = [];
  for (const [i, record] of segment.records.entries()) {
    const entry = record.kind === 'entry' ? tryDecodeEntry(record.bytes) : undefined;
    if (record.kind === 'entry') {
      const inPlace =
        entry?.origin === segment.origin && entry.seq === segment.firstSeq + i && entry.hlc === firstHlc + BigInt(i);
      if (!inPlace) return undefined;
    }
    entries.push(entry);
  }
  return entries;
}

function tryDecodeEntry(bytes: Uint8Array): Entry | undefined {
  try {
    return decodeEntry(bytes);
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

/** Why these numbers cannot belong to one segment, if so. */
function misfitOf(firstSeq: number, size: number, count: number, recordBytes: number): string | undefined {
  if (count < 1 || count > maxSegmentRecords) {
    return `Expected 1 to ${maxSegmentRecords} records, found ${count}.`;
  }
  if (size !== firstSeq + count) {
    return `Expected a head of size ${firstSeq + count}, found ${size}.`;
  }
  if (count > 1 && recordBytes > maxSharedRecordBytes) {
    return `Expected at most ${maxSharedRecordBytes} bytes in ${count} records, found ${recordBytes}.`;
  }
  return undefined;
}

function recordLength(record: SegmentRecord): number {
  return record.kind === 'entry' ? entryHeaderBytes + record.bytes.length : 1 + hashBytes;
}

function writeRecord(writer: ByteWriter, record: SegmentRecord): void {
  if (record.kind === 'entry') {
    if (record.bytes.length > maxEntryBytes) {
      throw new RangeError(`Expected an entry of at most ${maxEntryBytes} bytes, found ${record.bytes.length}.`);
    }
    writer.u8(entryKind);
    writer.u32(record.bytes.length);
    writer.bytes(record.bytes);
  } else {
    writer.u8(erasedKind);
    writer.bytes(record.leafHash);
  }
}

function readRecord(reader: ByteReader): SegmentRecord {
  const kind = reader.u8();
  if (kind === erasedKind) return { kind: 'erased', leafHash: reader.bytes(hashBytes) };
  if (kind !== entryKind) throw new DecodeError(`Expected a record of kind 0 or 1, found ${kind}.`);
  const length = reader.u32();
  if (length > maxEntryBytes) {
    throw new DecodeError(`Expected an entry of at most ${maxEntryBytes} bytes, found ${length}.`);
  }
  return { kind: 'entry', bytes: reader.bytes(length) };
}
