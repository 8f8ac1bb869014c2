import type { EventData } from 'node:test';
import { run } from 'node:test';
import { inspect } from 'node:util';
import { root } from './test-files.ts';

export interface Tally {
  readonly passed: number;
  readonly failed: number;
}

export interface RunOptions {
  /** Files run at the same time, each in a process of its own. */
  readonly concurrency: number;
  /** For one file, in milliseconds; what hangs is ended and counts as failed. */
  readonly timeoutMs: number;
}

/** Output of a failing file that is shown: enough for a log of a crash, and a runaway loop does not fill the disk. */
const maxOutput = 64 * 1024;

/**
 * Runs test files with Node's own runner and prints one line per file, and what failed in full. A skipped test counts as
 * failed: what is not run proves nothing, and nobody reads a list of skips.
 */
export async function runTestFiles(files: readonly string[], { concurrency, timeoutMs }: RunOptions): Promise<Tally> {
  const waiting = [...files];
  const tally = { passed: 0, failed: 0 };
  const worker = async (): Promise<void> => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      const report = await runTestFile(file, timeoutMs);
      console.log(report.print());
      tally.passed += report.passed;
      tally.failed += report.failed;
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  return tally;
}

/** One run per file: the runner's own limit is one for tests, and a file that leaves a socket open would hold it for ever. */
async function runTestFile(file: string, timeoutMs: number): Promise<FileReport> {
  const report = new FileReport(file);
  const signal = AbortSignal.timeout(timeoutMs);
  for await (const { type, data } of run({ cwd: root, files: [file], signal })) {
    if (type === 'test:stdout' || type === 'test:stderr') report.addOutput(data.message);
    if (type === 'test:fail') report.addFailure(data);
    if (type === 'test:pass' && (data.skip !== undefined || data.todo !== undefined)) report.addSkip(data);
    if (type === 'test:summary') report.close(data);
  }
  if (signal.aborted) report.addHang(timeoutMs);
  return report;
}

/** What went wrong in one file. */
class FileReport {
  readonly #name: string;
  readonly #failures: string[] = [];
  #output = '';
  #tests = 0;
  #durationMs = 0;
  passed = 0;

  constructor(name: string) {
    this.#name = name;
  }

  addOutput(text: string): void {
    this.#output = (this.#output + text).slice(-maxOutput);
  }

  addFailure({ name, line, details }: EventData.TestFail): void {
    const { error } = details;
    // A test around the one that failed says nothing new, nor does our own end to a file that hangs.
    const { failureType } = error as { failureType?: unknown };
    if (failureType === 'subtestsFailed' || failureType === 'testAborted') return;
    this.#failures.push(`✖ ${this.#name}:${line ?? 1} ${name}\n${indent(inspect(error.cause ?? error))}`);
  }

  addSkip({ name, line }: EventData.TestPass): void {
    this.#failures.push(`✖ ${this.#name}:${line ?? 1} ${name}\n  skipped; run it, or remove it`);
  }

  addHang(timeoutMs: number): void {
    this.#failures.push(
      `✖ ${this.#name}\n  did not end within ${timeoutMs / 1_000} s: a test hangs, or something is left open`,
    );
  }

  close({ counts, duration_ms }: EventData.TestSummary): void {
    this.#tests = counts.tests;
    this.#durationMs = duration_ms;
    this.passed = counts.passed - counts.skipped;
  }

  /** What was not passed failed; a file whose tests all passed can still fail as a whole. */
  get failed(): number {
    return Math.max(this.#tests - this.passed, this.#failures.length);
  }

  print(): string {
    const took = `${this.#tests} tests, ${(this.#durationMs / 1_000).toFixed(1)} s`;
    if (this.#failures.length === 0) return `✔ ${this.#name} (${took})`;
    const output = this.#output === '' ? [] : ['  output:', indent(this.#output)];
    return [`✖ ${this.#name} (${took})`, ...this.#failures, ...output].join('\n');
  }
}

function indent(text: string): string {
  return text.replace(/^/gm, '  ');
}
