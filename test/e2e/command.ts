import { type ChildProcess, spawn } from 'node:child_process';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { text } from 'node:stream/consumers';

const root = resolve(import.meta.dirname, '../..');
/** No command takes longer unless it hangs, in milliseconds; `up` may wait 12 s for a predecessor and 30 s for its children. */
const commandMs = 50_000;

export interface CommandResult {
  /** The exit code, or the signal that ended it. */
  readonly ending: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

/** What this process started and what still runs. */
const running = new Set<ChildProcess>();
// However the test ends: supervisors stop their children at SIGTERM.
process.on('exit', () => {
  for (const child of running) child.kill('SIGTERM');
});
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.once(signal, () => process.exit(1));

/**
 * Starts `grapevine` with `args`. It gets this process's environment, without settings of ours and the test runner's mark
 * on its children, and `environment` on top.
 */
export function spawnGrapevine(args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !name.startsWith('GRAPEVINE_') && name !== 'NODE_TEST_CONTEXT',
  );
  const child = spawn(process.execPath, [join(root, 'bin/grapevine.js'), ...args], {
    env: { ...Object.fromEntries(inherited), ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A process group of its own, as in a shell: a signal to the group must not reach the test.
    detached: true,
  });
  running.add(child);
  const ended = new Promise<number | string>((done, reject) => {
    child.once('error', reject);
    // Not `exit`, before which not all of its output may have come.
    child.once('close', (code, signal) => {
      running.delete(child);
      done(code ?? signal ?? 'nothing');
    });
  });
  return { child, ended };
}

/** Runs `grapevine` with `args` to its end; kills it, so that the ending is SIGKILL, when it hangs. */
export async function grapevine(...args: readonly string[]): Promise<CommandResult> {
  const { child, ended } = spawnGrapevine(args);
  const timer = setTimeout(() => child.kill('SIGKILL'), commandMs);
  try {
    const [stdout, stderr, ending] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
    return { ending, stdout, stderr };
  } finally {
    clearTimeout(timer);
  }
}
