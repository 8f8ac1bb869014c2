import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { unusable } from './disk-trouble.ts';

export interface FolderLock {
  release(): void;
}

/**
 * Keeps every other process out of a data folder. Node has no `flock`, but SQLite comes with it and locks its files the way
 * the system offers: the lock ends with the process, however that ends, and leaves nothing to clean up or to mistake for
 * a living owner. The file stays empty. Throws `DATA_DIR_IN_USE` when somebody holds the lock, `DATA_DIR_UNUSABLE` when
 * the file cannot be made.
 */
export function lockFolder(folder: string): FolderLock {
  const path = join(folder, 'lock');
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { timeout: 0 });
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    const held = database;
    return { release: () => held.close() };
  } catch (error) {
    database?.close();
    if (!isBusy(error)) throw unusable(`lock ${path}`, error);
    throw new GrapevineError('DATA_DIR_IN_USE', `Another process uses the data folder ${folder}.`, { cause: error });
  }
}

/** SQLITE_BUSY: somebody else holds the lock. */
function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === 5;
}
