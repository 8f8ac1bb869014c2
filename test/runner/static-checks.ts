import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { root } from './test-files.ts';

/** What the compiler found out last time: with it, only what has changed since is looked at again. */
const compilerNotes = 'node_modules/.cache/tsc.tsbuildinfo';
const consoleNotes = 'node_modules/.cache/tsc-console.tsbuildinfo';

const checks = [
  {
    name: 'types',
    command: ['tsc', '--noEmit', '--project', '.', '--incremental', '--tsBuildInfoFile', compilerNotes],
  },
  {
    name: 'types of the console',
    command: ['tsc', '--noEmit', '--project', 'bff-web/console', '--incremental', '--tsBuildInfoFile', consoleNotes],
  },
  { name: 'lint and formatting', command: ['biome', 'check', '--error-on-warnings', '.'] },
] as const;

export interface CheckResult {
  readonly name: string;
  readonly passed: boolean;
}

/** Runs the compiler and the linter over everything; what they find goes to the terminal. */
export function runStaticChecks(): CheckResult[] {
  return checks.map(({ name, command: [program, ...args] }) => {
    const { status } = spawnSync(join(root, 'node_modules/.bin', program), args, { cwd: root, stdio: 'inherit' });
    console.log(`${status === 0 ? '✔' : '✖'} ${name}`);
    return { name, passed: status === 0 };
  });
}
