/**
 * The table `quarantine`: stretches of logs that were found damaged. While one is there its segment is not, so that nothing
 * can serve it. When it is mended the record stays for a while, to tell an operator what a disk did.
 *
 * ```
 * key    origin 16 · firstSeq u48
 * value  endSeq u48 · foundMs u48 · mendedMs u48 (0: not yet) · reason u16 length + UTF-8 · the bytes that were there
 * ```
 */
import { ByteReader, ByteWriter, toHex } from '@grapevine/shared/log/bytes.ts';
import { originLength } from '@grapevine/shared/log/head.ts';
import type { Batch } from './batch.ts';
import { readStored } from './damage.ts';
import type { KeyValue, KeyValueReader } from './key-value.ts';
import { everything, seqKey, seqOfKey, seqsDownFrom } from './keys.ts';

/** A stretch of a log, from `firstSeq` up to, not including, `endSeq`. */
export interface Stretch {
  readonly origin: string;
  readonly firstSeq: number;
  readonly endSeq: number;
}

export interface Quarantined extends Stretch {
  /** Wall clock in milliseconds. */
  readonly foundMs: number;
  /** Undefined while it is damaged. */
  readonly mendedMs: number | undefined;
  readonly reason: string;
  /** What was stored there, or its beginning; empty when nothing was or enough of other places is kept. */
  readonly bytes: Uint8Array;
}

/** Bytes kept of one place: all of any segment but of those with a single large message. */
const maxKeptBytes = 64 * 1024;
/** Places whose bytes are kept, and mended ones that are remembered: 4 MiB tell what a disk does, more tells nothing new. */
const maxKept = 64;
const maxReasonLength = 300;

/** The record of the stretch that starts at `firstSeq`, mended or not. */
export function readQuarantined(reader: KeyValueReader, origin: string, firstSeq: number): Quarantined | undefined {
  const key = seqKey(origin, firstSeq);
  const value = reader.get('quarantine', key);
  return value === undefined ? undefined : decode([key, value]);
}

/** Whether entry `seq` is in quarantine now. */
export function isQuarantined(reader: KeyValueReader, origin: string, seq: number): boolean {
  for (const pair of reader.range('quarantine', seqsDownFrom(origin, seq))) {
    const { endSeq, mendedMs } = decode(pair);
    if (mendedMs === undefined) return seq < endSeq;
  }
  return false;
}

/** Every record, by origin and place. */
export function* listQuarantined(reader: KeyValueReader): Generator<Quarantined> {
  for (const pair of reader.range('quarantine', everything)) yield decode(pair);
}

/** Puts a stretch into quarantine, or what became of it; keeps the bounds. */
export function putQuarantined(batch: Batch, record: Quarantined): void {
  let withBytes = 0;
  let mended: Quarantined[] = [];
  for (const other of listQuarantined(batch)) {
    if (other.origin === record.origin && other.firstSeq === record.firstSeq) continue;
    if (other.bytes.length > 0) withBytes += 1;
    if (other.mendedMs !== undefined) mended.push(other);
  }
  mended = mended.sort((a, b) => (b.mendedMs ?? 0) - (a.mendedMs ?? 0));
  for (const { origin, firstSeq } of mended.slice(maxKept - 1)) batch.delete('quarantine', seqKey(origin, firstSeq));
  const bytes = withBytes < maxKept ? record.bytes.subarray(0, maxKeptBytes) : new Uint8Array(0);
  batch.put('quarantine', seqKey(record.origin, record.firstSeq), encode({ ...record, bytes }));
}

function encode({ endSeq, foundMs, mendedMs = 0, reason, bytes }: Quarantined): Uint8Array {
  const text = new TextEncoder().encode(reason.slice(0, maxReasonLength));
  const writer = new ByteWriter(20 + text.length + bytes.length);
  writer.u48(endSeq);
  writer.u48(foundMs);
  writer.u48(mendedMs);
  writer.u16(text.length);
  writer.bytes(text);
  writer.bytes(bytes);
  return writer.finish();
}

function decode([key, value]: KeyValue): Quarantined {
  const origin = toHex(key.subarray(0, originLength));
  const firstSeq = seqOfKey(key);
  return readStored(`Quarantine of ${origin}/${firstSeq}`, () => {
    const reader = new ByteReader(value);
    const endSeq = reader.u48();
    const foundMs = reader.u48();
    const mendedMs = reader.u48();
    const reason = reader.utf8(reader.u16());
    return { origin, firstSeq, endSeq, foundMs, mendedMs: mendedMs || undefined, reason, bytes: reader.rest() };
  });
}
