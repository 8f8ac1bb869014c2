import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '@grapevine/shared/clock.ts';
import { makeFolder } from '@grapevine/shared/make-folder.ts';
import { recoverLogs } from '../damage/recover.ts';
import type { Views } from '../views/views.ts';
import { isSystemError, unusable } from './disk-trouble.ts';
import { nodeHeadVerifier } from './ed25519.ts';
import { fastTreeHash } from './fast-tree-hash.ts';
import { lockFolder } from './folder-lock.ts';
import { IndexedLogStore } from './indexed-log-store.ts';
import { JournaledKeyValue } from './journaled-key-value.ts';
import { LmdbKeyValue } from './lmdb-key-value.ts';
import type { LogStore } from './log-store.ts';
import { checkSchema } from './schema.ts';
import { type StoreObserver, silentObserver } from './store-observer.ts';

export interface NodeStore {
  readonly log: LogStore;
  readonly views: Views;
  /** Origins whose head or tree was damaged, and has been computed anew. */
  readonly recovered: readonly string[];
  /** Waits for the commits under way and lets go of the folder. */
  close(): Promise<void>;
}

/** Where in a data folder the database lies. */
export function databaseFolder(dataDir: string): string {
  return join(dataDir, 'db');
}

/**
 * Opens a node's data for this process alone; an empty or missing folder is a new node's. Throws `DATA_DIR_UNUSABLE`,
 * `DATA_DIR_IN_USE` or `DISK_FULL` when it cannot be used, `DATA_FORMAT_UNKNOWN` when another version wrote it, `DATA_DAMAGED`
 * when it does not make sense.
 */
export async function openNodeStore(dataDir: string, observer: StoreObserver = silentObserver): Promise<NodeStore> {
  requireFolder(databaseFolder(dataDir));
  requireWritable(dataDir);
  const lock = lockFolder(dataDir);
  try {
    const database = LmdbKeyValue.open(databaseFolder(dataDir), { readOnly: false });
    // First of all: nothing may be written into another layout.
    checkSchema(database);
    const data = await JournaledKeyValue.open(database, dataDir, observer);
    const checks = { hash: fastTreeHash, verifier: nodeHeadVerifier };
    const recovered = await recoverLogs(data, checks, systemClock.wallMs());
    const store = await IndexedLogStore.open(data, fastTreeHash);
    return {
      recovered,
      log: store,
      views: store.views,
      close: async () => {
        await store.close();
        lock.release();
      },
    };
  } catch (error) {
    lock.release();
    throw isSystemError(error) ? unusable(`use the data folder ${dataDir}`, error) : error;
  }
}

/** Else a read-only file system is found only by the first thing that is written, and says it in that library's words. */
function requireWritable(folder: string): void {
  try {
    accessSync(folder, constants.W_OK);
  } catch (error) {
    throw unusable(`write to the data folder ${folder}`, error);
  }
}

function requireFolder(folder: string): void {
  try {
    makeFolder(folder);
  } catch (error) {
    throw unusable(`make the folder ${folder}`, error);
  }
}
