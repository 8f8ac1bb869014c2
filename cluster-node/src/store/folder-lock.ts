import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';

export interface FolderLock {
  release(): void;
}

/**
 * Keeps every other process out of a data folder. Node has no `flock`, but SQLite comes with it and locks its files the way
 * the system offers: the lock ends with the process, however that ends, and leaves nothing to clean up or to mistake for
 * a living owner. The file stays empty. Throws `DATA_DIR_UNUSABLE` when somebody holds the lock.
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
    throw new GrapevineError(
      'DATA_DIR_UNUSABLE',
      `Cannot lock ${path}: ${isBusy(error) ? 'another process uses this data folder.' : String(error)}`,
      { cause: error },
    );
  }
}

/** SQLITE_BUSY: somebody else holds the lock. */
function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === 5;
}
