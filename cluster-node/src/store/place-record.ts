/**
 * A record of an index from hashes to places in the logs: the first 8 bytes of a hash, the origin's ordinal u16, seq u48.
 * Records are ordered as bytes. A prefix can lead to several places; whoever looks one up checks each.
 */
import { ByteReader } from '@grapevine/shared/log/bytes.ts';

export interface Place {
  /** Local number of the origin, see the table `origins`. */
  readonly ordinal: number;
  readonly seq: number;
}

export const prefixBytes = 8;
export const recordBytes = 16;

/** Writes a record at `at`, byte by byte: this is done for every message. */
export function writeRecord(target: Uint8Array, at: number, hash: Uint8Array, { ordinal, seq }: Place): void {
  for (let i = 0; i < prefixBytes; i++) target[at + i] = hash[i] ?? 0;
  target[at + 8] = ordinal >>> 8;
  target[at + 9] = ordinal;
  const high = Math.floor(seq / 0x1_0000_0000);
  target[at + 10] = high >>> 8;
  target[at + 11] = high;
  for (let i = 0; i < 4; i++) target[at + 12 + i] = seq >>> (24 - 8 * i);
}

/** A loop, because making two views for `set` costs more than 16 bytes. */
export function copyRecord(from: Uint8Array, fromAt: number, to: Uint8Array, toAt: number): void {
  for (let i = 0; i < recordBytes; i++) to[toAt + i] = from[fromAt + i] ?? 0;
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
