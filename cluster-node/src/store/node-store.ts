import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '@grapevine/shared/clock.ts';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { recoverLogs } from '../damage/recover.ts';
import type { Views } from '../views/views.ts';
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
 * Opens a node's data for this process alone; an empty or missing folder is a new node's. Throws `DATA_DIR_UNUSABLE` when
 * it cannot be used or somebody else uses it, `DATA_DAMAGED` when it does not make sense.
 */
export async function openNodeStore(dataDir: string, observer: StoreObserver = silentObserver): Promise<NodeStore> {
  makeFolder(databaseFolder(dataDir));
  const lock = lockFolder(dataDir);
  try {
    const database = LmdbKeyValue.open(databaseFolder(dataDir), { readOnly: false });
    const data = await JournaledKeyValue.open(database, dataDir, observer);
    checkSchema(data);
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
    throw error;
  }
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new GrapevineError('DATA_DIR_UNUSABLE', `Cannot make the folder ${folder}: ${String(error)}`, {
      cause: error,
    });
  }
}
