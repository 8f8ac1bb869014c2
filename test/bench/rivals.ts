/** What ours is compared with. Not part of the project's own packages: fetched when a benchmark first asks. */
import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const folder = new URL('./rivals/', import.meta.url);

/** Longest that the installation may take, in milliseconds: a hundred small packages. */
const installMs = 120_000;

/** Installs the locked versions in `rivals/` unless they are there; throws with npm's own words when that fails. */
export function installRivals(print: (line: string) => void): void {
  if (installedSinceLocked()) return;
  print('Installing what is compared with (test/bench/rivals, this once) …');
  const result = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: fileURLToPath(folder),
    encoding: 'utf8',
    timeout: installMs,
  });
  if (result.status !== 0) {
    throw new Error(`npm ci failed in test/bench/rivals: ${result.error?.message ?? result.stderr.trim()}`);
  }
}

function installedSinceLocked(): boolean {
  const installed = statSync(new URL('node_modules/.package-lock.json', folder), { throwIfNoEntry: false });
  return installed !== undefined && installed.mtimeMs >= statSync(new URL('package-lock.json', folder)).mtimeMs;
}

/** The module `name` of `rivals/`. The caller says what it uses of it: the rivals' types are not installed with the project. */
export function rival(name: string): unknown {
  return createRequire(folder)(name);
}
