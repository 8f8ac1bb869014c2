/**
 * The topic index. A posting says which records of one segment are visible in one topic, and how long their entries are
 * together: `bytes u32 · record u8 × n`, ascending. Its key
 * starts with the clock value of the segment's first record, and record i has that value plus i, so that places in topic
 * order are known without reading the segment.
 *
 * Postings are ordered by where their segments start, messages by their own clock values. A segment spans at most 256
 * ticks, so the two orders differ only within such a window, and reading in topic order is a merge of the postings in it.
 */
import { ByteReader } from '@grapevine/shared/log/bytes.ts';
import { readStored } from '../store/damage.ts';
import type { KeyRange, KeyValueReader } from '../store/key-value.ts';
import { type PostingPlace, postingOfKey, postingsBetween } from '../store/keys.ts';
import { maxSegmentRecords } from '../wire/segment.ts';

/** A place in topic order. */
export interface TopicPlace {
  readonly hlc: bigint;
  readonly origin: string;
  readonly seq: number;
}

export interface PostedMessage extends TopicPlace {
  /** Where the segment that holds it starts. */
  readonly firstSeq: number;
}

/** Largest distance between the clock values of a segment's first record and of another. */
const window = BigInt(maxSegmentRecords - 1);
const maxHlc = 2n ** 64n - 1n;

/** Topic order: by clock, then origin, then sequence number, on every node alike. */
export function compareMessages(a: TopicPlace, b: TopicPlace): number {
  if (a.hlc !== b.hlc) return a.hlc < b.hlc ? -1 : 1;
  if (a.origin !== b.origin) return a.origin < b.origin ? -1 : 1;
  return a.seq - b.seq;
}

/** The visible messages of `topic` after `after`, exclusive, in topic order. */
export function* walkForward(reader: KeyValueReader, topic: string, after?: TopicPlace): Generator<PostedMessage> {
  const from = after === undefined || after.hlc < window ? 0n : after.hlc - window;
  let open: PostedMessage[] = [];
  for (const [key, records] of reader.range('postings', postingsBetween(topic, from, maxHlc, false))) {
    const posting = postingOfKey(key);
    // Nothing from here on lies before this segment's start.
    yield* open.filter(({ hlc }) => hlc < posting.hlc).sort(compareMessages);
    open = open.filter(({ hlc }) => hlc >= posting.hlc);
    for (const message of messagesOf(posting, records)) {
      if (after === undefined || compareMessages(message, after) > 0) open.push(message);
    }
  }
  yield* open.sort(compareMessages);
}

/** The visible messages of `topic` before `before`, exclusive, in reverse topic order. */
export function* walkBackward(reader: KeyValueReader, topic: string, before?: TopicPlace): Generator<PostedMessage> {
  let open: PostedMessage[] = [];
  for (const [key, records] of reader.range('postings', postingsBetween(topic, 0n, before?.hlc ?? maxHlc, true))) {
    const posting = postingOfKey(key);
    const reach = posting.hlc + window;
    // Nothing from here on lies after the longest segment that could start here.
    yield* open.filter(({ hlc }) => hlc > reach).sort((a, b) => compareMessages(b, a));
    open = open.filter(({ hlc }) => hlc <= reach);
    for (const message of messagesOf(posting, records)) {
      if (before === undefined || compareMessages(message, before) < 0) open.push(message);
    }
  }
  yield* open.sort((a, b) => compareMessages(b, a));
}

/** Clock value of the newest visible message of `topic`; 0 when there is none. */
export function newestHlc(reader: KeyValueReader, topic: string): bigint {
  for (const { hlc } of walkBackward(reader, topic)) return hlc;
  return 0n;
}

/** Keys of all postings of `topic`. */
export function postingsOf(topic: string): KeyRange {
  return postingsBetween(topic, 0n, maxHlc, false);
}

/** Places in the segment, ascending. */
export function postedRecords(posting: Uint8Array): Uint8Array {
  return posting.subarray(4);
}

/** Bytes of their entries together. */
export function postedBytes(posting: Uint8Array): number {
  return readStored('Posting', () => new ByteReader(posting).u32());
}

export function encodePosting(bytes: number, records: Iterable<number>): Uint8Array {
  return Uint8Array.of(bytes >>> 24, bytes >>> 16, bytes >>> 8, bytes, ...records);
}

function* messagesOf({ hlc, origin, firstSeq }: PostingPlace, posting: Uint8Array): Generator<PostedMessage> {
  for (const record of postedRecords(posting))
    yield { hlc: hlc + BigInt(record), origin, seq: firstSeq + record, firstSeq };
}
