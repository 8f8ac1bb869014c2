/** The write-ahead journal's files as a whole: making them, and reading what a crash left. Their bytes: `journal-format.ts`. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DataDamage, damaged } from './damage.ts';
import { replaceDurably } from './durable-file.ts';
import { blockBytes, emptyFile, type JournalRecord, journalNames, misfitOf, recordsIn } from './journal-format.ts';
import type { JournalPosition } from './journal-position.ts';

/** What `acknowledgedRecords` finds in the files. Throws `DATA_DAMAGED`, also when a file is not this database's journal. */
export function readJournal(folder: string, { applied, id, salt }: JournalPosition): JournalRecord[] {
  if (salt === undefined) return [];
  const files = journalNames.map((name) => readFile(join(folder, name), id));
  return acknowledgedRecords(files, salt, applied);
}

/**
 * The records that come after `applied`, in order: all that were acknowledged, and perhaps some that were on their way.
 * Throws `DATA_DAMAGED` when one is missing that is known to have been acknowledged.
 */
export function acknowledgedRecords(files: readonly Buffer[], salt: Uint8Array, applied: number): JournalRecord[] {
  const records = files.flatMap((file) => [...recordsIn(file, salt)]).filter(({ sequence }) => sequence > applied);
  records.sort((a, b) => a.sequence - b.sequence);
  const gap = records.findIndex(({ sequence }, i) => sequence !== applied + 1 + i);
  const found = gap === -1 ? records : records.slice(0, gap);
  const confirmed = records.reduce((newest, record) => Math.max(newest, record.confirmed), applied);
  const missing = applied + found.length + 1;
  if (missing <= confirmed) {
    throw damaged(`Journal: record ${missing} was acknowledged, as all up to ${confirmed}, and is damaged or gone.`);
  }
  return found;
}

/** Puts new files without records in place of what is there. */
export async function createJournal(folder: string, id: Uint8Array): Promise<void> {
  // Written, not only reserved: else each first write into a block would have to sync the block map, too.
  const empty = emptyFile(id);
  for (const name of journalNames) await replaceDurably(join(folder, name), empty);
}

/** Whether both files are there and belong to the database with this id. */
export function hasJournal(folder: string, id: Uint8Array): boolean {
  const paths = journalNames.map((name) => join(folder, name));
  return paths.every((path) => existsSync(path) && misfitOf(readFileSync(path), id) === undefined);
}

/** The journal file that has been written to, if one is in `folder`: then a database was there as well. */
export function usedJournal(folder: string): string | undefined {
  const paths = journalNames.map((name) => join(folder, name));
  return paths.find((path) => existsSync(path) && !isUnused(readFileSync(path)));
}

function isUnused(file: Buffer): boolean {
  const records = file.subarray(blockBytes);
  return records.equals(Buffer.alloc(records.length));
}

function readFile(path: string, id: Uint8Array): Buffer {
  const file = readIfPossible(path);
  const misfit = misfitOf(file, id);
  if (misfit !== undefined) throw damaged(`Expected this database's journal in ${path}, found ${misfit}.`);
  return file;
}

function readIfPossible(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new DataDamage(`Expected the journal ${path} beside the database: ${String(error)}`, undefined, error);
  }
}
