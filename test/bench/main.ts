/**
 * `npm run bench [-- names… --docs]`: runs the benchmarks, prints their tables, writes bench-report.json and bench-report.html, and
 * with --docs docs/performance.md. Exits 1 when a must is missed.
 */
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
import { publish } from './publish.ts';
import { reconcile } from './reconcile.ts';
import { performanceDocument, reportPage } from './report-page.ts';
import { tree } from './tree.ts';
import { visible } from './visible.ts';

const benchmarks: readonly Benchmark[] = [append, gateway, gossip, graphql, memory, publish, reconcile, tree, visible];
const root = fileURLToPath(new URL('../..', import.meta.url));

const writesDocument = process.argv.includes('--docs');
const names = process.argv.slice(2).filter((name) => name !== '--docs');
const unknown = names.filter((name) => !benchmarks.some((benchmark) => benchmark.name === name));
if (unknown.length > 0) {
  const known = benchmarks.map(({ name }) => name).join(', ');
  console.error(`There is no benchmark ${unknown.join(', ')}; expected any of: ${known}.`);
  process.exit(2);
}

const reports: Report[] = [];
for (const benchmark of benchmarks) {
  if (names.length > 0 && !names.includes(benchmark.name)) continue;
  const measured = await measure(benchmark, (round) =>
    console.error(`${benchmark.name}: round ${round} of ${benchmark.rounds} …`),
  );
  for (const report of measured) console.log(printed(report));
  reports.push(...measured);
}

const at = new Date().toISOString();
const machine = thisMachine();
const files = {
  'bench-report.json': `${JSON.stringify({ at, machine, benchmarks: reports }, null, 2)}\n`,
  'bench-report.html': reportPage(reports, machine, at),
  ...(writesDocument ? { 'docs/performance.md': performanceDocument(reports, machine, at) } : {}),
};
for (const [name, text] of Object.entries(files)) writeFileSync(join(root, name), text);
console.log(`Written to ${Object.keys(files).join(', ')}.`);
process.exitCode = reports.every(meetsTargets) ? 0 : 1;
