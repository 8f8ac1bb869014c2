import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** What becomes of a system call, in the words of `strace --inject`: `error=EIO`, or a delay in microseconds. */
export type Outcome = 'error=EIO' | `delay_enter=${number}`;

/** Has a running process's system calls come to something else, until it is disposed of. */
export class Injection implements AsyncDisposable {
  readonly #child: ReturnType<typeof spawn>;

  private constructor(child: ReturnType<typeof spawn>) {
    this.#child = child;
  }

  /** Resolves when all calls of the process are caught; with `paths`, those that are about these files. */
  static async begin(
    pid: number,
    calls: readonly string[],
    outcome: Outcome,
    paths: readonly string[] = [],
  ): Promise<Injection> {
    const list = calls.join();
    const where = paths.map((path) => `--trace-path=${path}`);
    const flags = ['--follow-forks', `--attach=${pid}`, `--trace=${list}`, ...where, `--inject=${list}:${outcome}`];
    const child = spawn('strace', [...flags, '--output=/dev/null'], { stdio: ['ignore', 'ignore', 'pipe'] });
    const lines = createInterface(child.stderr);
    for await (const line of lines) {
      if (/attached/.test(line)) return new Injection(child);
      if (/Requested path .* resolved into/.test(line)) continue;
      throw new Error(`strace: ${line}`);
    }
    throw new Error('strace ended.');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill('SIGTERM');
    await once(this.#child, 'exit');
  }
}
