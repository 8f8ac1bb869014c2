import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { clusterSizes, measureConvergence } from './convergence.ts';
import { reportPage, reportPlot } from './report-page.ts';

describe('the report on convergence', () => {
  it('gives the same numbers each time', async () => {
    assert.deepEqual(await measureConvergence(8), await measureConvergence(8));
  });

  // Past 40 origins a vector does not fit one datagram, and rounds alone take turns with its slices: nudges have to do it.
  it('finds that messages get everywhere within a round', async () => {
    const measured = [await measureConvergence(16), await measureConvergence(64)];
    for (const { nodes, oneMessage, oneFromEach } of measured) {
      assert.ok(oneMessage.rounds <= 1, `one message took ${oneMessage.rounds} rounds of ${nodes} nodes`);
      assert.ok(oneFromEach.rounds <= 1, `one from each of ${nodes} took ${oneFromEach.rounds} rounds`);
    }
    assert.match(reportPage(measured), /^\| 64 \| 6\.0 \|/m);
    assert.match(reportPlot(measured), /<polyline points="62,/);
  });

  it('takes sizes that about double', () => {
    assert.deepEqual(clusterSizes(64), [8, 16, 32, 64]);
    assert.deepEqual(clusterSizes(1_000), [8, 16, 32, 64, 125, 250, 500, 1_000]);
    assert.deepEqual(clusterSizes(8), [8]);
  });
});
