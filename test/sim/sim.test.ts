import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SafetyViolation } from './checker.ts';
import { runScenario } from './scenario.ts';
import { SimDisk } from './sim-disk.ts';

describe('the simulator', () => {
  it('gives the same trace for the same seed, and another for another', () => {
    const first = runScenario({ nodes: 5, seed: 7, steps: 6_000 });
    const again = runScenario({ nodes: 5, seed: 7, steps: 6_000 });
    const other = runScenario({ nodes: 5, seed: 8, steps: 6_000 });
    assert.equal(again.traceHash, first.traceHash);
    assert.notEqual(other.traceHash, first.traceHash);
  });

  it('keeps every promise and converges, over seeds and cluster sizes', () => {
    const reached = { crashes: 0, partitions: 0, lost: 0, duplicated: 0, streams: 0, brokenStreams: 0 };
    for (let seed = 100; seed < 130; seed++) {
      const { world, messages } = runScenario({ nodes: 2 + (seed % 6), seed, steps: 4_000 });
      assert.ok(messages > 0, `seed ${seed} acknowledged nothing`);
      reached.crashes += world.counts.crashes;
      reached.partitions += world.counts.partitions;
      reached.streams += world.counts.streams;
      reached.brokenStreams += world.counts.brokenStreams;
      reached.lost += world.network.counts.lost;
      reached.duplicated += world.network.counts.duplicated;
    }
    for (const [fault, count] of Object.entries(reached)) assert.ok(count > 0, `no run ever had ${fault}`);
  });

  it('agrees in a cluster of one', () => {
    assert.ok(runScenario({ nodes: 1, seed: 1, steps: 1_000 }).messages > 0);
  });

  it('notices a disk that lies about flushing', () => {
    class LyingDisk extends SimDisk {
      override flushNext(): void {
        this.crash();
      }
    }
    assert.throws(() => runScenario({ nodes: 3, seed: 1, steps: 4_000, disk: () => new LyingDisk() }), SafetyViolation);
  });
});
