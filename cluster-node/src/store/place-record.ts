/**
 * A record of an index from hashes to places in the logs: the first 8 bytes of a hash, the origin's ordinal u16, seq u48.
 * Records are ordered as bytes. A prefix can lead to several places; whoever looks one up checks each.
 */
import { ByteReader, ByteWriter } from '@grapevine/shared/log/bytes.ts';

export interface Place {
  /** Local number of the origin, see the table `origins`. */
  readonly ordinal: number;
  readonly seq: number;
}

export const prefixBytes = 8;
export const recordBytes = 16;

const writer = new ByteWriter(recordBytes, recordBytes);

export function encodeRecord(hash: Uint8Array, place: Place): Uint8Array {
  writer.reset();
  writer.bytes(hash.subarray(0, prefixBytes));
  writer.u16(place.ordinal);
  writer.u48(place.seq);
  return writer.finish();
}

export function placeOf(record: Uint8Array): Place {
  const reader = new ByteReader(record.subarray(prefixBytes, recordBytes));
  return { ordinal: reader.u16(), seq: reader.u48() };
}

/** Order of `length` bytes at `aAt` and `bAt`. No views are made: merging compares millions of records. */
export function compareAt(a: Uint8Array, aAt: number, b: Uint8Array, bAt: number, length: number): number {
  for (let i = 0; i < length; i++) {
    const difference = (a[aAt + i] ?? 0) - (b[bAt + i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** The records in `sorted` that start with `prefix`. */
export function matchesIn(sorted: Uint8Array, prefix: Uint8Array): Uint8Array[] {
  let low = 0;
  let high = sorted.length / recordBytes;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareAt(sorted, middle * recordBytes, prefix, 0, prefixBytes) < 0) low = middle + 1;
    else high = middle;
  }
  const matches: Uint8Array[] = [];
  for (let at = low * recordBytes; at < sorted.length; at += recordBytes) {
    if (compareAt(sorted, at, prefix, 0, prefixBytes) !== 0) break;
    matches.push(sorted.subarray(at, at + recordBytes));
  }
  return matches;
}
