import { type ExecFileException, execFile } from 'node:child_process';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { root } from '../../runner/test-files.ts';
import type { Failure } from '../sweep/outcome.ts';
import type { Mutant } from './mutant.ts';
import { installUrl, requireFits } from './patch.ts';

/** What a thread is told that looks for a mutant. */
export interface SweepHunt {
  /** See `installUrl`. */
  readonly install: string;
  readonly faults: readonly string[];
  /** From 1 on. */
  readonly seeds: number;
  readonly endMs: number;
}

/** The first seed that broke a promise, if one did. */
export type SweepHuntResult = { readonly seed: number; readonly failure: Failure } | undefined;

/** Under the right faults nearly every mutant is caught by the first ten. */
const mostSeeds = 150;
const endMs = 6_000;
/** A file of tests takes seconds; a mutant may make it hang, which is a way to be caught. */
const testTimeoutMs = 120_000;
const maxOutputBytes = 16 * 1024 * 1024;

/**
 * Runs the code with a mutant in it. Answers who caught it, or undefined when it survived. Throws when a patch of it does
 * not fit the code.
 */
export async function hunt(mutant: Mutant, signal?: AbortSignal): Promise<string | undefined> {
  requireFits(mutant);
  const { patches, caughtBy } = mutant;
  const install = installUrl(patches);
  if ('test' in caughtBy) return huntByTest(install, caughtBy.test);
  const found = await huntBySweep({ install, faults: caughtBy.faults, seeds: mostSeeds, endMs }, signal);
  return found && `seed ${found.seed} under ${caughtBy.faults.join(', ')}: ${found.failure.message.split('\n')[0]}`;
}

function huntBySweep(workerData: SweepHunt, signal?: AbortSignal): Promise<SweepHuntResult> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./mutant-worker.ts', import.meta.url), { workerData });
    const end = (): void => void worker.terminate();
    signal?.addEventListener('abort', end, { once: true });
    worker.on('message', resolve);
    worker.on('error', reject);
    worker.on('exit', () => {
      signal?.removeEventListener('abort', end);
      reject(new Error('A thread that looked for a mutant ended before it had an answer.'));
    });
  });
}

/** In a process of its own, because the code that is broken may be what this one runs on. */
async function huntByTest(install: string, file: string): Promise<string | undefined> {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const args = ['--import', install, '--test-reporter=tap', join(root, file)];
  const options = { cwd: root, env, timeout: testTimeoutMs, maxBuffer: maxOutputBytes };
  const { error, stdout } = await new Promise<{ error: ExecFileException | null; stdout: string }>((resolve) => {
    execFile(process.execPath, args, options, (thrown, output) => resolve({ error: thrown, stdout: output }));
  });
  if (error?.killed === true) return `${file} does not come to an end`;
  if (error === null && /^# pass [1-9]/m.test(stdout)) return undefined;
  // The first is the test itself, those after it are the suites around it.
  const [, failed] = /^ *not ok \d+ - (.*)$/m.exec(stdout) ?? [];
  if (failed === undefined) throw new Error(`${file} ran no test:\n${stdout}`);
  return `${file}: ${failed}`;
}
