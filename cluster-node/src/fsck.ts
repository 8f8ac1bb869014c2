import type { LogChecks } from './damage/read-segment.ts';
import { checkLog, type OriginReport } from './fsck/check-log.ts';
import { ViewsCheck } from './fsck/check-views.ts';
import { Problems } from './fsck/problems.ts';
import { nodeHeadVerifier } from './store/ed25519.ts';
import { fastTreeHash } from './store/fast-tree-hash.ts';
import { lockFolder } from './store/folder-lock.ts';
import { readJournaled } from './store/journaled-key-value.ts';
import type { KeyValueReader } from './store/key-value.ts';
import { LmdbKeyValue } from './store/lmdb-key-value.ts';
import { databaseFolder } from './store/node-store.ts';
import { checkSchema } from './store/schema.ts';
import { originsIn } from './store/stored-log.ts';

export interface FsckReport {
  readonly origins: readonly OriginReport[];
  /** What is wrong, in words; none when the data is sound. At most about a hundred. */
  readonly problems: readonly string[];
}

/**
 * Checks the data folder of a stopped node against itself: every leaf hash, root and signature from the raw entries, then
 * tiles, heads and views against those. Changes nothing and throws nothing: what cannot be read is a problem, too. Only
 * damage to the database's own structure can end the process: run it in one of its own (`fsck-main.ts`).
 */
export async function fsck(dataDir: string): Promise<FsckReport> {
  const problems = new Problems();
  const origins: OriginReport[] = [];
  let database: LmdbKeyValue | undefined;
  let lock: { release(): void } | undefined;
  problems.attempt('Data folder', () => {
    lock = lockFolder(dataDir);
    database = LmdbKeyValue.open(databaseFolder(dataDir), { readOnly: true });
    const data = readJournaled(database, dataDir);
    checkSchema(data);
    origins.push(...checkData(data, { hash: fastTreeHash, verifier: nodeHeadVerifier }, problems));
  });
  await database?.close();
  lock?.release();
  return { origins, problems: problems.list() };
}

/** Checks logs and views in any state of a store. */
export function checkData(data: KeyValueReader, checks: LogChecks, problems: Problems): OriginReport[] {
  const views = new ViewsCheck(data, problems);
  const origins = new Set<string>();
  for (const table of ['heads', 'segments', 'tiles'] as const) {
    problems.attempt(`Table ${table}`, () => {
      for (const origin of originsIn(data, table)) origins.add(origin);
    });
  }
  const reports: OriginReport[] = [];
  for (const origin of [...origins].sort()) {
    problems.attempt(`Origin ${origin}`, () => {
      reports.push(checkLog(data, origin, checks, problems, (found) => views.add(found)));
    });
  }
  views.finish(reports.reduce((sum, { unread }) => sum + unread, 0));
  return reports;
}
