/**
 * The bytes of the write-ahead journal. Two files take turns; one is written over only when everything in it is in the
 * database.
 *
 * ```
 * file   = magic 20 · id 16, to the end of the first block · record …
 * record = sequence u48 · confirmed u48 · length u32 · crc32 u32 · payload, to the end of a block
 * ```
 *
 * Records start at blocks of 4 KiB, so that writing one never touches another. Sequence numbers have no holes. `confirmed`
 * is the newest record that was known to be on disk, with all before it, when this one was made: whatever it names has
 * been acknowledged and must be there, whatever comes after the newest that is named may be torn.
 *
 * The checksum runs over salt, sequence, confirmed, length and payload. The salt is kept in the database and is another one
 * each time the journal is taken up. So records of an earlier life are no records, and nobody can publish a message that
 * reads like one.
 */
import { crc32 } from 'node:zlib';
import { equalBytes } from '@grapevine/shared/log/bytes.ts';

export interface JournalRecord {
  readonly sequence: number;
  readonly confirmed: number;
  readonly payload: Uint8Array;
}

/** Two of these are what a restart reads again at most, and what waits in memory for the database. */
export const fileBytes = 4 * 1024 * 1024;
/** What disks and file systems write as one: a page of the page cache, eight sectors. */
export const blockBytes = 4096;
export const recordHeaderBytes = 20;
export const idBytes = 16;
export const saltBytes = 16;
/** The longest payload that one record takes. */
export const maxPayloadBytes = fileBytes - blockBytes - recordHeaderBytes;

const magic = Buffer.from('grapevine-journal-2\0');
const crcAt = 16;

/** The journal's files, in the data folder. */
export const journalNames = ['journal-0', 'journal-1'] as const;

/** A journal file without records. */
export function emptyFile(id: Uint8Array): Buffer {
  const file = Buffer.alloc(fileBytes);
  magic.copy(file);
  file.set(id, magic.length);
  return file;
}

/** What `file` is instead of a journal with this id, if so. */
export function misfitOf(file: Buffer, id: Uint8Array): string | undefined {
  if (file.length !== fileBytes) return `${file.length} bytes, expected ${fileBytes}`;
  if (!equalBytes(file.subarray(0, magic.length), magic)) return 'something else than a journal';
  const found = file.subarray(magic.length, magic.length + idBytes);
  return equalBytes(found, id) ? undefined : 'the journal of another database';
}

/** Bytes that a record takes in its file. */
export function paddedLength(payloadBytes: number): number {
  return Math.ceil((recordHeaderBytes + payloadBytes) / blockBytes) * blockBytes;
}

/** Completes a record whose payload stands in `record`, which has the padded length. */
export function sealRecord(
  record: Buffer,
  salt: Uint8Array,
  { sequence, confirmed, payloadBytes }: { sequence: number; confirmed: number; payloadBytes: number },
): void {
  record.writeUIntBE(sequence, 0, 6);
  record.writeUIntBE(confirmed, 6, 6);
  record.writeUInt32BE(payloadBytes, 12);
  record.fill(0, recordHeaderBytes + payloadBytes);
  record.writeUInt32BE(checksum(salt, record, payloadBytes), crcAt);
}

/** The records of a file, each where it stands; none where the bytes are not a record. */
export function* recordsIn(file: Buffer, salt: Uint8Array): Generator<JournalRecord> {
  for (let at = blockBytes; at < file.length; ) {
    const record = recordAt(file, at, salt);
    if (record !== undefined) yield record;
    // What is no record is skipped by the block: there may be sound ones behind it.
    at += record === undefined ? blockBytes : paddedLength(record.payload.length);
  }
}

function recordAt(file: Buffer, at: number, salt: Uint8Array): JournalRecord | undefined {
  const sequence = file.readUIntBE(at, 6);
  const length = file.readUInt32BE(at + 12);
  if (sequence === 0 || at + recordHeaderBytes + length > file.length) return undefined;
  const record = file.subarray(at, at + recordHeaderBytes + length);
  if (record.readUInt32BE(crcAt) !== checksum(salt, record, length)) return undefined;
  return { sequence, confirmed: record.readUIntBE(6, 6), payload: record.subarray(recordHeaderBytes) };
}

function checksum(salt: Uint8Array, record: Buffer, payloadBytes: number): number {
  const start = crc32(record.subarray(0, crcAt), crc32(salt));
  return crc32(record.subarray(recordHeaderBytes, recordHeaderBytes + payloadBytes), start);
}
