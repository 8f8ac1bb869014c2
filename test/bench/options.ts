import { parseArgs } from 'node:util';
import type { Benchmark } from './harness.ts';

export type Listed = Pick<Benchmark, 'name' | 'title'>;

export interface BenchOptions<One extends Listed> {
  readonly chosen: readonly One[];
  readonly writesDocument: boolean;
}

export function help(benchmarks: readonly Listed[]): string {
  const longest = Math.max(...benchmarks.map(({ name }) => name.length));
  return `Measures Grapevine against other implementations, which take turns with it in the same run.

  npm run bench -- [NAME …]    those that are named, or all

${benchmarks.map(({ name, title }) => `  ${name.padEnd(longest)}  ${title}`).join('\n')}

  --docs  also writes docs/performance.md; only with all of them

Prints tables and writes bench-report.json and bench-report.html. Exit code 0 when every must is met, 1 when one is missed, 2 for a
wrong name or option.
`;
}

/** Undefined when help was asked for. Throws an error that says which argument is wrong. */
export function readOptions<One extends Listed>(
  args: readonly string[],
  benchmarks: readonly One[],
): BenchOptions<One> | undefined {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      docs: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return undefined;
  const unknown = positionals.filter((name) => !benchmarks.some((benchmark) => benchmark.name === name));
  if (unknown.length > 0) {
    const known = benchmarks.map(({ name }) => name).join(', ');
    throw new RangeError(`There is no benchmark ${unknown.join(', ')}; expected any of: ${known}.`);
  }
  // The document would lose the rows of all others.
  if (values.docs && positionals.length > 0) throw new RangeError('--docs needs all benchmarks: give no names.');
  const chosen = benchmarks.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
  return { chosen, writesDocument: values.docs };
}
