/**
 * Changes as they are journalled, one after the other:
 *
 * ```
 * change = table u8 · key u16 length + bytes · value u32 length + bytes
 *        | table u8 + 128 · key u16 length + bytes                        deleted
 * ```
 */
import { ByteReader } from '@grapevine/shared/log/bytes.ts';
import { DecodeError } from '@grapevine/shared/log/decode-error.ts';
import { type Change, tables } from './key-value.ts';

const deletedFlag = 128;

/** Bytes that `encodeChanges` takes. */
export function changesLength(changes: readonly Change[]): number {
  let length = 0;
  for (const { key, value } of changes) length += 3 + key.length + (value === undefined ? 0 : 4 + value.length);
  return length;
}

/** Fills `target`, which has exactly the length that it takes. */
export function encodeChanges(changes: readonly Change[], target: Buffer): void {
  let at = 0;
  for (const { table, key, value } of changes) {
    at = target.writeUInt8(tables.indexOf(table) + (value === undefined ? deletedFlag : 0), at);
    at = target.writeUInt16BE(key.length, at);
    target.set(key, at);
    at += key.length;
    if (value === undefined) continue;
    at = target.writeUInt32BE(value.length, at);
    target.set(value, at);
    at += value.length;
  }
}

/** Views of `bytes`; throws `DecodeError` for what `encodeChanges` does not produce. */
export function decodeChanges(bytes: Uint8Array): Change[] {
  const reader = new ByteReader(bytes);
  const changes: Change[] = [];
  while (reader.remaining > 0) {
    const head = reader.u8();
    const table = tables[head % deletedFlag];
    if (table === undefined) throw new DecodeError(`Expected one of ${tables.length} tables, found ${head}.`);
    const key = reader.bytes(reader.u16());
    changes.push({ table, key, value: head >= deletedFlag ? undefined : reader.bytes(reader.u32()) });
  }
  return changes;
}
