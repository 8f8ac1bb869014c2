/** A value of the table `heads`: `ordinal u16 · size u48 · root 32 · hlc u64 · publicKey 32 · signature 64`. */
import { ByteReader, ByteWriter, equalBytes, toHex } from '@grapevine/shared/log/bytes.ts';
import type { SignedHead } from '@grapevine/shared/log/head.ts';
import { readStored } from './damage.ts';
import type { KeyValueReader } from './key-value.ts';
import { everything, ordinalKey, originKey } from './keys.ts';
import type { Place } from './place-record.ts';

export interface HeadRecord {
  /** Number of the origin on this node only, in order of arrival: two bytes instead of sixteen in the indexes. */
  readonly ordinal: number;
  readonly head: SignedHead;
}

/** What an ordinal's two bytes can tell apart. Every life of every node ever takes one. */
export const maxOrigins = 0x1_0000;

const recordBytes = 2 + 6 + 32 + 8 + 32 + 64;
const writer = new ByteWriter(recordBytes, recordBytes);

export function encodeHeadRecord({ ordinal, head }: HeadRecord): Uint8Array {
  writer.reset();
  writer.u16(ordinal);
  writer.u48(head.size);
  writer.bytes(head.root);
  writer.u64(head.hlc);
  writer.bytes(head.publicKey);
  writer.bytes(head.signature);
  return writer.finish();
}

export function readHead(reader: KeyValueReader, origin: string): HeadRecord | undefined {
  const bytes = reader.get('heads', originKey(origin));
  return bytes === undefined ? undefined : decodeHeadRecord(origin, bytes);
}

/** Ordered by origin. */
export function readHeads(reader: KeyValueReader): HeadRecord[] {
  return Array.from(reader.range('heads', everything), ([key, value]) => decodeHeadRecord(toHex(key), value));
}

/** Entries of `origin` that are held. */
export function sizeOf(reader: KeyValueReader, origin: string): number {
  return readHead(reader, origin)?.head.size ?? 0;
}

/** The origin whose log has the entry at `place`; `undefined` when none has, as when its commit is still under way. */
export function originAt(reader: KeyValueReader, { ordinal, seq }: Place): string | undefined {
  const key = reader.get('origins', ordinalKey(ordinal));
  const origin = key === undefined ? undefined : toHex(key);
  return origin !== undefined && seq < sizeOf(reader, origin) ? origin : undefined;
}

/** How many origins there are, and so the next free ordinal. */
export function countOrigins(reader: KeyValueReader): number {
  for (const [key] of reader.range('origins', { ...everything, reverse: true })) return new ByteReader(key).u16() + 1;
  return 0;
}

/** The number of `origin`, by the table `origins` alone; undefined when it has none. */
export function ordinalOf(reader: KeyValueReader, origin: string): number | undefined {
  const wanted = originKey(origin);
  for (const [key, value] of reader.range('origins', everything)) {
    if (equalBytes(value, wanted)) return new ByteReader(key).u16();
  }
  return undefined;
}

function decodeHeadRecord(origin: string, bytes: Uint8Array): HeadRecord {
  return readStored(`Head of ${origin}`, () => {
    const reader = new ByteReader(bytes);
    const ordinal = reader.u16();
    const head = {
      origin,
      size: reader.u48(),
      root: reader.bytes(32),
      hlc: reader.u64(),
      publicKey: reader.bytes(32),
      signature: reader.bytes(64),
    };
    reader.end();
    return { ordinal, head };
  });
}
