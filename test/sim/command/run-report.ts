import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../runner/test-files.ts';
import { type Convergence, clusterSizes, measureConvergence } from '../report/convergence.ts';
import { reportPage, reportPlot } from '../report/report-page.ts';

/** Measures clusters up to `nodes` and writes the page with its plot to `docs`. */
export async function runReport({ nodes }: { readonly nodes: number }): Promise<boolean> {
  const measured: Convergence[] = [];
  for (const size of clusterSizes(nodes)) {
    const row = await measureConvergence(size);
    measured.push(row);
    const { oneMessage, oneFromEach, members } = row;
    console.log(
      `${size} nodes: one message ${oneMessage.rounds.toFixed(2)} rounds, one from each ${oneFromEach.rounds.toFixed(2)} rounds, all know all ${members.rounds.toFixed(2)}`,
    );
  }
  writeFileSync(join(root, 'docs/convergence.md'), reportPage(measured));
  writeFileSync(join(root, 'docs/convergence.svg'), reportPlot(measured));
  console.log('Written to docs/convergence.md and docs/convergence.svg.');
  return true;
}
