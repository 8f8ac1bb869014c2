/**
 * The write-ahead journal: what is written is on disk after a single sync of a file that never grows, which takes a third of
 * the time of an LMDB commit (its two syncs each wait for the file system's own journal as well). Two files take turns; one is
 * written over only when everything in it is in the database.
 *
 * ```
 * file   = magic 20 · salt 16, to the end of the first block · record …
 * record = sequence u48 · length u32 · crc32 u32 · payload, to the end of a block
 * ```
 *
 * Records start at blocks of 4 KiB, so that writing one never touches another. Sequence numbers have no holes and are never
 * used twice. The checksum runs over salt, sequence, length and payload; the salt is not known outside, so that nobody can
 * publish a message that reads like a record.
 */
import { randomBytes } from 'node:crypto';
import { closeSync, constants, fsyncSync, openSync, readFileSync, renameSync, write, writeSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { compareBytes } from '@grapevine/shared/log/bytes.ts';
import { DataDamage, damaged } from './damage.ts';

export interface JournalRecord {
  readonly sequence: number;
  readonly payload: Uint8Array;
}

/** Two of these are what a restart reads again at most, and what waits in memory for the database. */
const fileBytes = 4 * 1024 * 1024;
const blockBytes = 4096;
const recordHeaderBytes = 14;
const saltBytes = 16;
const magic = Buffer.from('grapevine-journal-1\0');
const names = ['journal-0', 'journal-1'] as const;

/** The longest payload that one record takes. */
export const maxPayloadBytes = fileBytes - blockBytes - recordHeaderBytes;

/** The records of both files that come after `applied`, in order. Throws `DATA_DAMAGED` when one is missing before the last. */
export function readJournal(folder: string, applied: number): JournalRecord[] {
  const records = names.flatMap((name) => recordsIn(join(folder, name), applied));
  records.sort((a, b) => a.sequence - b.sequence);
  for (const [i, { sequence }] of records.entries()) {
    if (sequence !== applied + 1 + i) throw damaged(`Journal: expected record ${applied + 1 + i}, found ${sequence}.`);
  }
  return records;
}

/** Makes the files of a new database's journal; what an older one may have left there is worthless without it. */
export function createJournal(folder: string): void {
  for (const name of names) {
    const path = join(folder, name);
    const unfinished = `${path}.new`;
    const file = openSync(unfinished, 'w', 0o600);
    const zeros = Buffer.alloc(fileBytes);
    magic.copy(zeros);
    randomBytes(saltBytes).copy(zeros, magic.length);
    // Written, not only reserved: else each first write into a block would have to sync the block map, too.
    writeSync(file, zeros);
    fsyncSync(file);
    closeSync(file);
    renameSync(unfinished, path);
  }
}

interface JournalFile {
  readonly descriptor: number;
  readonly salt: Uint8Array;
  /** Sequence number of the newest record in it. */
  newest: number;
}

/** Appends records. All that `readJournal` gave must be in the database. */
export class JournalWriter {
  #active: JournalFile;
  #other: JournalFile;
  #at = blockBytes;
  #newest: number;
  #buffer = Buffer.alloc(64 * 1024);

  /** `newest`: the last sequence number that was used. */
  constructor(folder: string, newest: number) {
    [this.#active, this.#other] = [openFile(join(folder, names[0]), newest), openFile(join(folder, names[1]), newest)];
    this.#newest = newest;
  }

  /** Sequence number of the newest record. */
  get newest(): number {
    return this.#newest;
  }

  /** What has to be in the database before a record of `payloadBytes` can be appended: the newest sequence number in the way, or 0. */
  blockedBy(payloadBytes: number): number {
    return this.#at + recordHeaderBytes + payloadBytes > fileBytes ? this.#other.newest : 0;
  }

  /**
   * Appends a record and resolves when it is on disk. `fill` writes the payload of `payloadBytes` bytes. One call at a time,
   * and not before what `blockedBy` names is in the database.
   */
  async append(payloadBytes: number, fill: (payload: Buffer) => void): Promise<void> {
    if (this.#at + recordHeaderBytes + payloadBytes > fileBytes) {
      [this.#active, this.#other] = [this.#other, this.#active];
      this.#at = blockBytes;
    }
    const sequence = this.#newest + 1;
    const length = recordHeaderBytes + payloadBytes;
    const padded = Math.ceil(length / blockBytes) * blockBytes;
    if (this.#buffer.length < padded) this.#buffer = Buffer.alloc(padded);
    const record = this.#buffer.subarray(0, padded);
    record.writeUIntBE(sequence, 0, 6);
    record.writeUInt32BE(payloadBytes, 6);
    fill(record.subarray(recordHeaderBytes, length));
    record.fill(0, length);
    record.writeUInt32BE(checksum(this.#active.salt, record, payloadBytes), 10);
    await writeAt(this.#active.descriptor, record, this.#at);
    this.#at += padded;
    this.#newest = sequence;
    this.#active.newest = sequence;
  }

  close(): void {
    closeSync(this.#active.descriptor);
    closeSync(this.#other.descriptor);
  }
}

function openFile(path: string, newest: number): JournalFile {
  // O_DSYNC: writing and syncing is one call, and one trip to the thread pool.
  const descriptor = openSync(path, constants.O_RDWR | constants.O_DSYNC);
  return { descriptor, salt: saltOf(path, readFileSync(path)), newest };
}

function recordsIn(path: string, applied: number): JournalRecord[] {
  const file = readJournalFile(path);
  const salt = saltOf(path, file);
  const records: JournalRecord[] = [];
  for (let at = blockBytes; at < file.length; ) {
    const record = recordAt(file, at, salt);
    if (record !== undefined && record.sequence > applied) records.push(record);
    // What is no record is skipped by the block: a later one that is sound tells a damaged record from the torn last one.
    at += record === undefined ? blockBytes : blocksFor(record.payload.length);
  }
  return records;
}

function recordAt(file: Buffer, at: number, salt: Uint8Array): JournalRecord | undefined {
  const sequence = file.readUIntBE(at, 6);
  const length = file.readUInt32BE(at + 6);
  if (sequence === 0 || at + recordHeaderBytes + length > file.length) return undefined;
  const record = file.subarray(at, at + recordHeaderBytes + length);
  if (record.readUInt32BE(10) !== checksum(salt, record, length)) return undefined;
  return { sequence, payload: record.subarray(recordHeaderBytes) };
}

function checksum(salt: Uint8Array, record: Buffer, payloadBytes: number): number {
  const ofHeader = crc32(record.subarray(0, 10), crc32(salt));
  return crc32(record.subarray(recordHeaderBytes, recordHeaderBytes + payloadBytes), ofHeader);
}

function blocksFor(payloadBytes: number): number {
  return Math.ceil((recordHeaderBytes + payloadBytes) / blockBytes) * blockBytes;
}

function readJournalFile(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new DataDamage(`Expected the journal ${path} beside the database: ${String(error)}`, undefined, error);
  }
}

function saltOf(path: string, file: Buffer): Uint8Array {
  if (file.length !== fileBytes || compareBytes(file.subarray(0, magic.length), magic) !== 0) {
    throw damaged(`Expected a journal of ${fileBytes} bytes in ${path}, found something else.`);
  }
  return file.subarray(magic.length, magic.length + saltBytes);
}

function writeAt(descriptor: number, bytes: Buffer, position: number): Promise<void> {
  return new Promise((resolve, reject) => {
    write(descriptor, bytes, 0, bytes.length, position, (error, written) => {
      if (error !== null) reject(error);
      else if (written < bytes.length)
        reject(new Error(`Expected ${bytes.length} bytes to be written, found ${written}.`));
      else resolve();
    });
  });
}
