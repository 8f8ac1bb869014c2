import { link, readFile, rm, writeFile } from 'node:fs/promises';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';

export interface LockHolder {
  readonly pid: number;
  isAlive(pid: number): boolean;
}

/**
 * Makes `holder` the only supervisor of `dataDir` and answers the function that ends that. Throws `DATA_DIR_IN_USE`
 * naming the process that has it. A lock whose process is gone does not count.
 */
export async function lockDataDir(dataDir: string, holder: LockHolder): Promise<() => Promise<void>> {
  const path = `${dataDir}/up.lock`;
  const unfinished = `${path}.${holder.pid}`;
  await writeFile(unfinished, `${holder.pid} ${await startOf(holder.pid)}`, { mode: 0o600 });
  try {
    if (!(await linkNew(unfinished, path))) {
      await requireAbandoned(path, dataDir, holder);
      await rm(path, { force: true });
      if (!(await linkNew(unfinished, path))) await requireAbandoned(path, dataDir, holder);
    }
  } finally {
    await rm(unfinished, { force: true });
  }
  return () => rm(path, { force: true });
}

/** A link, unlike a rename, fails when the name is taken, and unlike an exclusive open it shows the content at once. */
async function linkNew(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function requireAbandoned(path: string, dataDir: string, holder: LockHolder): Promise<void> {
  const [pidText = '', start = ''] = (await readFile(path, 'utf8')).split(' ');
  const pid = Number(pidText);
  if (!Number.isInteger(pid) || pid <= 0 || !holder.isAlive(pid) || (await startOf(pid)) !== start) return;
  throw new GrapevineError(
    'DATA_DIR_IN_USE',
    `A cluster already runs from ${dataDir} (process ${pid}); stop it with \`kill ${pid}\`, or choose another folder with --data-dir and other ports with --base-port.`,
  );
}

/**
 * When a process started, in the kernel's ticks since boot (proc(5), field 22 of `stat`): tells it from a later one with
 * the same number. Empty where there is no /proc; then the number alone must do.
 */
async function startOf(pid: number): Promise<string> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The second field, the program's name in parentheses, may hold spaces; what follows the last one may not.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}
