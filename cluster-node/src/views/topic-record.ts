/** What a topic comes to: the values of the table `topics`, `count u48 · bytes u48 · digest 32 · lastHlc u64`. */

import type { Topic } from '@grapevine/shared/contracts/node-api.ts';
import { ByteReader, ByteWriter, toHex } from '@grapevine/shared/log/bytes.ts';
import { hlcToHex } from '@grapevine/shared/log/hlc.ts';
import { readStored } from '../store/damage.ts';

export interface TopicRecord {
  /** Visible messages. */
  readonly count: number;
  /** What their entries take together. */
  readonly bytes: number;
  /** Sum of their ids modulo 2^256: the same in whatever order they came. */
  readonly digest: Uint8Array;
  /** Clock value of the newest of them. */
  readonly lastHlc: bigint;
}

export const digestBytes = 32;
const recordBytes = 6 + 6 + digestBytes + 8;
const writer = new ByteWriter(recordBytes, recordBytes);

export const emptyTopic: TopicRecord = { count: 0, bytes: 0, digest: new Uint8Array(digestBytes), lastHlc: 0n };

export function encodeTopicRecord({ count, bytes, digest, lastHlc }: TopicRecord): Uint8Array {
  writer.reset();
  writer.u48(count);
  writer.u48(bytes);
  writer.bytes(digest);
  writer.u64(lastHlc);
  return writer.finish();
}

export function decodeTopicRecord(name: string, bytes: Uint8Array): TopicRecord {
  return readStored(`Topic ${name}`, () => {
    const reader = new ByteReader(bytes);
    const record = {
      count: reader.u48(),
      bytes: reader.u48(),
      digest: reader.bytes(digestBytes),
      lastHlc: reader.u64(),
    };
    reader.end();
    return record;
  });
}

export function topicOf(name: string, { count, digest, lastHlc }: TopicRecord): Topic {
  return { name, count, digest: toHex(digest), lastHlc: hlcToHex(lastHlc) };
}

/** Adds `id` to `digest` modulo 2^256, in place. */
export function addToDigest(digest: Uint8Array, id: Uint8Array): void {
  let carry = 0;
  for (let i = digestBytes - 1; i >= 0; i--) {
    const sum = (digest[i] ?? 0) + (id[i] ?? 0) + carry;
    digest[i] = sum;
    carry = sum >>> 8;
  }
}

/** Takes `id` out of `digest` again, in place. */
export function subtractFromDigest(digest: Uint8Array, id: Uint8Array): void {
  let borrow = 0;
  for (let i = digestBytes - 1; i >= 0; i--) {
    const difference = (digest[i] ?? 0) - (id[i] ?? 0) - borrow;
    digest[i] = difference;
    borrow = difference < 0 ? 1 : 0;
  }
}
