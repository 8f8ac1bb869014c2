/** `npm run bench`: runs the benchmarks, prints their tables and writes them down. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { thisMachine } from '../report/machine.ts';
import { append } from './append.ts';
import { gateway } from './gateway.ts';
import { gossip } from './gossip.ts';
import { graphql } from './graphql.ts';
import { type Benchmark, measure, meetsTargets, printed, type Report } from './harness.ts';
import { memory } from './memory.ts';
import { type BenchOptions, help, readOptions } from './options.ts';
import { publish } from './publish.ts';
import { reconcile } from './reconcile.ts';
import { performanceDocument, reportPage } from './report-page.ts';
import { tree } from './tree.ts';
import { visible } from './visible.ts';

const benchmarks: readonly Benchmark[] = [append, gateway, gossip, graphql, memory, publish, reconcile, tree, visible];
const root = fileURLToPath(new URL('../..', import.meta.url));

async function main(): Promise<number> {
  const options = optionsOf(process.argv.slice(2));
  if (options === 'wrong') return 2;
  if (options === 'help') {
    console.log(help(benchmarks));
    return 0;
  }
  const reports = await measureAll(options.chosen);
  write(reports, options.writesDocument);
  return reports.every(meetsTargets) ? 0 : 1;
}

function optionsOf(args: readonly string[]): BenchOptions<Benchmark> | 'help' | 'wrong' {
  try {
    return readOptions(args, benchmarks) ?? 'help';
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    console.error('See npm run bench -- --help');
    return 'wrong';
  }
}

async function measureAll(chosen: readonly Benchmark[]): Promise<Report[]> {
  const reports: Report[] = [];
  for (const benchmark of chosen) {
    const measured = await measure(benchmark, (round) =>
      console.error(`${benchmark.name}: round ${round} of ${benchmark.rounds} …`),
    );
    for (const report of measured) console.log(printed(report));
    reports.push(...measured);
  }
  return reports;
}

function write(reports: readonly Report[], writesDocument: boolean): void {
  const at = new Date().toISOString();
  const machine = thisMachine();
  const files = {
    'bench-report.json': `${JSON.stringify({ at, machine, benchmarks: reports }, null, 2)}\n`,
    'bench-report.html': reportPage(reports, machine, at),
    ...(writesDocument ? { 'docs/performance.md': performanceDocument(reports, machine, at) } : {}),
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(root, name), text);
  console.log(`Written to ${Object.keys(files).join(', ')}.`);
}

process.exitCode = await main();
