/**
 * How far retention has come, the table `retention`:
 *
 * ```
 * 0                              → rules 32 · startedMs u48   digest of the rules that the rest belongs to, and since when
 * 1 · maxAgeSeconds u32 · origin → seq u48                    everything before has been held against this age
 * 2 · topic                      → hlc u64 · origin 16 · seq u48   the topic's cut: up to here its bodies went by size
 * ```
 *
 * A cut outlives the messages that it was made for: one that comes late, from before it, goes as well, or what a topic
 * keeps would depend on the order of arrival.
 */
import { ByteReader, ByteWriter, equalBytes, fromHex, toHex } from '@grapevine/shared/log/bytes.ts';
import { originLength } from '@grapevine/shared/log/head.ts';
import type { Batch } from '../store/batch.ts';
import { readStored } from '../store/damage.ts';
import type { KeyValueReader } from '../store/key-value.ts';
import { everything, topicKey } from '../store/keys.ts';
import type { TopicPlace } from '../views/postings.ts';

const rulesKey = Uint8Array.of(0);

/** Whether progress was made under the rules with this digest, and when it began; undefined when there is none. */
export function progressSince(reader: KeyValueReader, rules: Uint8Array): number | undefined {
  const value = reader.get('retention', rulesKey);
  if (value === undefined) return undefined;
  return readStored('Retention', () => {
    const fields = new ByteReader(value);
    return equalBytes(fields.bytes(32), rules) ? fields.u48() : undefined;
  });
}

/** Forgets all progress, because the rules are others now or everything is to be looked at again. Cuts stay if `keepCuts`. */
export function startAnew(batch: Batch, rules: Uint8Array, nowMs: number, keepCuts: boolean): void {
  for (const [key] of [...batch.range('retention', everything)]) {
    if (key[0] === 1 || !keepCuts) batch.delete('retention', key);
  }
  const writer = new ByteWriter(38, 38);
  writer.bytes(rules);
  writer.u48(nowMs);
  batch.put('retention', rulesKey, writer.finish());
}

export function readAgeCursor(reader: KeyValueReader, maxAgeSeconds: number, origin: string): number {
  const value = reader.get('retention', ageKey(maxAgeSeconds, origin));
  return value === undefined ? 0 : readStored(`Retention of ${origin}`, () => new ByteReader(value).u48());
}

export function writeAgeCursor(batch: Batch, maxAgeSeconds: number, origin: string, seq: number): void {
  batch.put('retention', ageKey(maxAgeSeconds, origin), ageCursor(seq));
}

function ageCursor(seq: number): Uint8Array {
  const writer = new ByteWriter(6, 6);
  writer.u48(seq);
  return writer.finish();
}

/** Has retention look anew at what the log of `origin` gets from entry `seq` on. */
export function lowerAgeCursors(batch: Batch, origin: string, seq: number): void {
  const ofOrigin = fromHex(origin);
  for (const [key, value] of [...batch.range('retention', everything)]) {
    if (key[0] !== 1 || !equalBytes(key.subarray(-originLength), ofOrigin)) continue;
    const cursor = readStored(`Retention of ${origin}`, () => new ByteReader(value).u48());
    if (cursor > seq) batch.put('retention', key.slice(), ageCursor(seq));
  }
}

export function readCut(reader: KeyValueReader, topic: string): TopicPlace | undefined {
  const value = reader.get('retention', cutKey(topic));
  if (value === undefined) return undefined;
  return readStored(`Retention of topic ${topic}`, () => {
    const fields = new ByteReader(value);
    return { hlc: fields.u64(), origin: toHex(fields.bytes(originLength)), seq: fields.u48() };
  });
}

export function writeCut(batch: Batch, topic: string, { hlc, origin, seq }: TopicPlace): void {
  const writer = new ByteWriter(30, 30);
  writer.u64(hlc);
  writer.hex(origin);
  writer.u48(seq);
  batch.put('retention', cutKey(topic), writer.finish());
}

function ageKey(maxAgeSeconds: number, origin: string): Uint8Array {
  const writer = new ByteWriter(5 + originLength, 5 + originLength);
  writer.u8(1);
  writer.u32(maxAgeSeconds);
  writer.hex(origin);
  return writer.finish();
}

function cutKey(topic: string): Uint8Array {
  return Uint8Array.of(2, ...topicKey(topic));
}
