/** Where a database and its journal stand to each other: in `meta`, `applied u48 · id 16 · [salt 16]`. */
import { randomBytes } from 'node:crypto';
import { ByteReader, ByteWriter } from '@grapevine/shared/log/bytes.ts';
import { readStored } from './damage.ts';
import { idBytes, saltBytes } from './journal-format.ts';
import type { Change, KeyValueReader } from './key-value.ts';
import { metaKey } from './keys.ts';

export interface JournalPosition {
  /** The newest record that the database has taken over. */
  readonly applied: number;
  /** Tells this database's journal from every other one. */
  readonly id: Uint8Array;
  /** Of the journal's present life; undefined when the database has everything and the journal is not needed. */
  readonly salt: Uint8Array | undefined;
}

/** A position whose journal is in use. */
export type OpenPosition = JournalPosition & { readonly salt: Uint8Array };

const key = metaKey('journal');

export function newPosition(): JournalPosition {
  return { applied: 0, id: randomBytes(idBytes), salt: undefined };
}

/** The same place in another life of the journal: records of the life before mean nothing any more. */
export function nextLife(position: JournalPosition): OpenPosition {
  return { ...position, salt: randomBytes(saltBytes) };
}

/** Undefined for an empty database. */
export function readPosition(database: KeyValueReader): JournalPosition | undefined {
  const bytes = database.get('meta', key);
  if (bytes === undefined) return undefined;
  return readStored('Journal position', () => {
    const reader = new ByteReader(bytes);
    const applied = reader.u48();
    const id = reader.bytes(idBytes);
    const salt = reader.remaining > 0 ? reader.bytes(saltBytes) : undefined;
    reader.end();
    return { applied, id, salt };
  });
}

export function positionChange({ applied, id, salt }: JournalPosition): Change {
  const writer = new ByteWriter(6 + idBytes + saltBytes);
  writer.u48(applied);
  writer.bytes(id);
  if (salt !== undefined) writer.bytes(salt);
  return { table: 'meta', key, value: writer.finish() };
}
