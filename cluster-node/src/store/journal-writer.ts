import { closeSync, constants, fstatSync, openSync, write } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { blockBytes, fileBytes, journalNames, paddedLength, recordHeaderBytes, sealRecord } from './journal-format.ts';
import { PageAlignedMemory } from './page-aligned.ts';

interface JournalFile {
  readonly path: string;
  readonly descriptor: number;
  /** Which file was opened, whatever has the path now. */
  readonly identity: string;
  /** Sequence number of the newest record in it. */
  newest: number;
}

/** Records on their way to disk at once: their syncs overlap. More would only split up what shares a sync. */
export const maxRecordsUnderWay = 2;

/** Appends records to a journal whose records are all in the database. */
export class JournalWriter {
  readonly #salt: Uint8Array;
  #active: JournalFile;
  #other: JournalFile;
  #at = blockBytes;
  #newest: number;
  #confirmed: number;
  /** Settles with the newest record; when one has failed, none comes after it. */
  #durable: Promise<void> = Promise.resolve();
  /** Settle with the records on their way, oldest first. */
  readonly #underWay: Promise<void>[] = [];
  readonly #memory = Array.from({ length: maxRecordsUnderWay }, () => new PageAlignedMemory());

  /** `newest`: the last sequence number that was used; `salt`: of this life of the journal. */
  constructor(folder: string, newest: number, salt: Uint8Array) {
    const [first, second] = journalNames;
    this.#active = openFile(join(folder, first), newest);
    this.#other = openFile(join(folder, second), newest);
    this.#newest = newest;
    this.#confirmed = newest;
    this.#salt = salt;
  }

  /** Sequence number of the newest record, on disk or on its way. */
  get newest(): number {
    return this.#newest;
  }

  /** The newest record that is on disk with all before it. */
  get confirmed(): number {
    return this.#confirmed;
  }

  /** Resolves when another record can be appended, as far as others are on their way. */
  async room(): Promise<void> {
    while (this.#memory.length === 0) await this.#underWay[0]?.catch(ignore);
  }

  /** Resolves when nothing is on its way any more, however that ended. */
  async settled(): Promise<void> {
    await this.#durable.catch(ignore);
  }

  /** What has to be in the database before a record of `payloadBytes` can be appended: the newest sequence number in the way, or 0. */
  blockedBy(payloadBytes: number): number {
    return this.#fits(payloadBytes) ? 0 : this.#other.newest;
  }

  /**
   * Appends a record. Resolves when it and all before it are on disk, rejects when that failed for one of them. `fill` writes
   * the payload of `payloadBytes` bytes, at once. Calls may overlap, up to `maxRecordsUnderWay`; what `blockedBy` names
   * must be in the database.
   */
  append(payloadBytes: number, fill: (payload: Buffer) => void): Promise<void> {
    const memory = this.#memory.pop();
    if (memory === undefined) throw new RangeError(`There are ${maxRecordsUnderWay} records under way, the most.`);
    if (!this.#fits(payloadBytes)) {
      [this.#active, this.#other] = [this.#other, this.#active];
      this.#at = blockBytes;
    }
    const sequence = ++this.#newest;
    const record = memory.take(paddedLength(payloadBytes));
    fill(record.subarray(recordHeaderBytes, recordHeaderBytes + payloadBytes));
    sealRecord(record, this.#salt, { sequence, confirmed: this.#confirmed, payloadBytes });
    const written = writeAt(this.#active.descriptor, record, this.#at);
    this.#at += record.length;
    this.#active.newest = sequence;
    this.#durable = this.#confirm(sequence, written, this.#durable).finally(() => {
      this.#memory.push(memory);
      this.#underWay.shift();
    });
    this.#underWay.push(this.#durable);
    return this.#durable;
  }

  /** Throws when a file of the journal is not where it was: what is written to it would not be found at the next start. */
  async requireFiles(): Promise<void> {
    for (const { path, identity } of [this.#active, this.#other]) {
      if (identityOf(await stat(path)) !== identity) throw new Error(`${path} was replaced while it was in use.`);
    }
  }

  close(): void {
    closeSync(this.#active.descriptor);
    closeSync(this.#other.descriptor);
  }

  /** Waits for both, whatever becomes of them: memory must stay as it is until its write has ended. */
  async #confirm(sequence: number, written: Promise<void>, before: Promise<void>): Promise<void> {
    const outcomes = await Promise.allSettled([before, written]);
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
    this.#confirmed = sequence;
  }

  #fits(payloadBytes: number): boolean {
    return this.#at + recordHeaderBytes + payloadBytes <= fileBytes;
  }
}

function ignore(): void {
  // Whoever appended the record hears of it.
}

function openFile(path: string, newest: number): JournalFile {
  const descriptor = openForSync(path);
  return { path, descriptor, identity: identityOf(fstatSync(descriptor)), newest };
}

/**
 * O_DSYNC: writing and syncing is one call, and one trip to the thread pool. O_DIRECT: no dirty page has to be looked for
 * and written back; where the file system does not have it (EINVAL), the page cache is gone through.
 */
function openForSync(path: string): number {
  const flags = constants.O_RDWR | constants.O_DSYNC;
  try {
    return openSync(path, flags | (constants.O_DIRECT ?? 0));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EINVAL') return openSync(path, flags);
    throw error;
  }
}

function identityOf({ dev, ino }: { readonly dev: number; readonly ino: number }): string {
  return `${dev}/${ino}`;
}

function writeAt(descriptor: number, bytes: Buffer, position: number): Promise<void> {
  return new Promise((resolve, reject) => {
    write(descriptor, bytes, 0, bytes.length, position, (error, written) => {
      if (error !== null) reject(error);
      else if (written < bytes.length) reject(partlyWritten(written, bytes.length));
      else resolve();
    });
  });
}

/** Only what has no room for the rest takes a part. */
function partlyWritten(written: number, length: number): Error {
  return Object.assign(new Error(`no space left for more than ${written} of ${length} bytes`), { code: 'ENOSPC' });
}
