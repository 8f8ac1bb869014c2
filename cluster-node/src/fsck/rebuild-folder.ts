import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '@grapevine/shared/clock.ts';
import { renameDurably } from '../store/durable-file.ts';
import { nodeHeadVerifier } from '../store/ed25519.ts';
import { fastTreeHash } from '../store/fast-tree-hash.ts';
import { lockFolder } from '../store/folder-lock.ts';
import { readJournaled } from '../store/journaled-key-value.ts';
import { dataFile, LmdbKeyValue } from '../store/lmdb-key-value.ts';
import { databaseFolder } from '../store/node-store.ts';
import { checkSchema } from '../store/schema.ts';
import { type RebuildOptions, rebuild } from './rebuild.ts';

/**
 * Rebuilds the database of a stopped node, with what is in its journal, as `rebuild` says. A new one is written beside it and
 * takes its place when it is complete and on disk: whenever this ends early, the old one is untouched, and what is left of
 * the new one is removed by the next try. Needs as much room on the disk as the database.
 */
export async function rebuildFolder(dataDir: string, onProgress: RebuildOptions['onProgress']): Promise<void> {
  const lock = lockFolder(dataDir);
  try {
    // Without a dot: lmdb would take that for a file's name.
    const unfinished = join(dataDir, 'db-rebuild');
    rmSync(unfinished, { recursive: true, force: true });
    mkdirSync(unfinished, { mode: 0o700 });
    try {
      await fill(unfinished, dataDir, onProgress);
      await renameDurably(dataFile(unfinished), dataFile(databaseFolder(dataDir)));
    } finally {
      rmSync(unfinished, { recursive: true, force: true });
    }
  } finally {
    lock.release();
  }
}

async function fill(folder: string, dataDir: string, onProgress: RebuildOptions['onProgress']): Promise<void> {
  const source = LmdbKeyValue.open(databaseFolder(dataDir), { readOnly: true });
  try {
    const target = LmdbKeyValue.open(folder, { readOnly: false });
    try {
      const data = readJournaled(source, dataDir);
      checkSchema(data);
      const checks = { hash: fastTreeHash, verifier: nodeHeadVerifier };
      await rebuild(data, target, { checks, nowMs: systemClock.wallMs(), onProgress });
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}
