/**
 * How the keys of the tables are made up, big-endian so that byte order is number order:
 *
 * ```
 * meta      name                                     → see the readers of each name
 * heads     origin 16                                → ordinal u16 · head, see head-record.ts
 * origins   ordinal u16                              → origin 16
 * segments  origin 16 · firstSeq u48                 → segment bytes as the origin made them
 * tiles     origin 16 · group u8 · tile u48          → hashes, see tiles.ts
 * topics    topic                                    → see topic-record.ts
 * postings  topic · 0 · hlc u64 · origin 16 · firstSeq u48 → see postings.ts
 * hidden    origin 16 · seq u48                      → nothing
 * runs      index u8 · run u32 · chunk u32            → sorted records, see sorted-runs.ts
 * quarantine origin 16 · firstSeq u48                → see quarantine.ts
 * forks     origin 16 · seq u48 · ids                → see forks/fork-log.ts
 * retention                                          → see retention/progress.ts
 * ```
 */
import { ByteReader, ByteWriter, fromHex, toHex } from '@grapevine/shared/log/bytes.ts';
import type { KeyRange } from './key-value.ts';

/** Above every key: no key is as long, and none starts with so many of the highest byte. */
export const lastKey = new Uint8Array(64).fill(0xff);
export const firstKey = Uint8Array.of(0);
export const everything: KeyRange = { from: firstKey, to: lastKey };

/** Longest key: a posting's. */
const maxKeyBytes = 200 + 1 + 8 + 16 + 6;
const seqLimit = 2 ** 48 - 1;
const writer = new ByteWriter(maxKeyBytes, maxKeyBytes);
const textEncoder = new TextEncoder();

export function metaKey(name: string): Uint8Array {
  return textEncoder.encode(name);
}

export function originKey(origin: string): Uint8Array {
  return fromHex(origin);
}

export function ordinalKey(ordinal: number): Uint8Array {
  return Uint8Array.of(ordinal >>> 8, ordinal & 0xff);
}

/** Keys of `segments`, `hidden` and `quarantine`. */
export function seqKey(origin: string, seq: number): Uint8Array {
  writer.reset();
  writer.hex(origin);
  writer.u48(seq);
  return writer.finish();
}

export function seqOfKey(key: Uint8Array): number {
  return new ByteReader(key.subarray(-6)).u48();
}

/** Keys of `origin` from `seq` on. */
export function seqsFrom(origin: string, seq: number): KeyRange {
  return { from: seqKey(origin, seq), to: successor(seqKey(origin, seqLimit)) };
}

/** Keys of `origin` up to and including `seq`, the highest first. */
export function seqsDownFrom(origin: string, seq: number): KeyRange {
  return { from: seqKey(origin, 0), to: successor(seqKey(origin, seq)), reverse: true };
}

export function tileKey(origin: string, group: number, tile: number): Uint8Array {
  writer.reset();
  writer.hex(origin);
  writer.u8(group);
  writer.u48(tile);
  return writer.finish();
}

export function tileOfKey(key: Uint8Array): { readonly group: number; readonly tile: number } {
  const reader = new ByteReader(key.subarray(16));
  return { group: reader.u8(), tile: reader.u48() };
}

export function tilesOf(origin: string): KeyRange {
  return { from: originKey(origin), to: afterPrefix(originKey(origin)) };
}

export function topicKey(topic: string): Uint8Array {
  return textEncoder.encode(topic);
}

export function topicOfKey(key: Uint8Array): string {
  return new ByteReader(key).utf8(key.length);
}

/** Where a segment's entries of one topic are posted. `hlc` is the clock value of the segment's first record. */
export interface PostingPlace {
  readonly hlc: bigint;
  readonly origin: string;
  readonly firstSeq: number;
}

export function postingKey(topic: string, { hlc, origin, firstSeq }: PostingPlace): Uint8Array {
  writer.reset();
  writePostingPrefix(topic, hlc);
  writer.hex(origin);
  writer.u48(firstSeq);
  return writer.finish();
}

export function postingOfKey(key: Uint8Array): PostingPlace {
  const reader = new ByteReader(key.subarray(-30));
  return { hlc: reader.u64(), origin: toHex(reader.bytes(16)), firstSeq: reader.u48() };
}

export function topicOfPosting(key: Uint8Array): string {
  return topicOfKey(key.subarray(0, -31));
}

/** Postings of `topic` whose clock value is from `fromHlc` to `toHlc`, both inclusive. */
export function postingsBetween(topic: string, fromHlc: bigint, toHlc: bigint, reverse: boolean): KeyRange {
  return { from: postingPrefix(topic, fromHlc), to: afterPrefix(postingPrefix(topic, toHlc)), reverse };
}

/** Chunk `number` of a sorted run. */
export function chunkKey(index: number, run: number, number: number): Uint8Array {
  writer.reset();
  writer.u8(index);
  writer.u32(run);
  writer.u32(number);
  return writer.finish();
}

/** The smallest key above `key`. */
export function successor(key: Uint8Array): Uint8Array {
  const next = new Uint8Array(key.length + 1);
  next.set(key);
  return next;
}

/** Above every key that starts with `prefix` and belongs to the same table: what follows a prefix never is 23 bytes of 0xff. */
export function afterPrefix(prefix: Uint8Array): Uint8Array {
  const bound = new Uint8Array(prefix.length + 23).fill(0xff);
  bound.set(prefix);
  return bound;
}

function postingPrefix(topic: string, hlc: bigint): Uint8Array {
  writer.reset();
  writePostingPrefix(topic, hlc);
  return writer.finish();
}

/** Topics have no byte 0, so that no topic's postings get between those of another. */
function writePostingPrefix(topic: string, hlc: bigint): void {
  writer.bytes(textEncoder.encode(topic));
  writer.u8(0);
  writer.u64(hlc);
}
