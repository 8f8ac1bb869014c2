import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SafetyViolation } from './check/violation.ts';
import { StoredDisk } from './disk/stored-disk.ts';
import { drawPlan } from './plan/draw-plan.ts';
import { runPlan } from './run-plan.ts';

describe('the simulator', () => {
  it('gives the same trace for the same seed, and another for another', async () => {
    const first = await runPlan(drawPlan(7, { endMs: 5_000 }));
    const again = await runPlan(drawPlan(7, { endMs: 5_000 }));
    const other = await runPlan(drawPlan(8, { endMs: 5_000 }));
    assert.equal(again.traceHash, first.traceHash);
    assert.notEqual(other.traceHash, first.traceHash);
  });

  it('keeps every promise and converges, over seeds and cluster sizes', async () => {
    const reached = { crashes: 0, partitions: 0, lost: 0, duplicated: 0, streams: 0, brokenStreams: 0 };
    for (let seed = 100; seed < 130; seed++) {
      const { world } = await runPlan(drawPlan(seed, { endMs: 4_000 }));
      reached.crashes += world.counts.crashes;
      reached.partitions += world.counts.partitions;
      reached.streams += world.counts.streams;
      reached.brokenStreams += world.counts.brokenStreams;
      reached.lost += world.network.counts.lost;
      reached.duplicated += world.network.counts.duplicated;
    }
    for (const [fault, count] of Object.entries(reached)) assert.ok(count > 0, `no run ever had ${fault}`);
  });

  it('agrees in a cluster of one', async () => {
    const { messages } = await runPlan(drawPlan(1, { nodes: 1, endMs: 2_000 }));
    assert.ok(messages > 0);
  });

  it('notices a disk that lies about flushing', async () => {
    class LyingDisk extends StoredDisk {
      override commit(): Promise<void> {
        return Promise.resolve();
      }
    }
    const plan = drawPlan(1, { nodes: 3, endMs: 4_000 });
    await assert.rejects(
      runPlan(plan, (schedule) => new LyingDisk(schedule)),
      SafetyViolation,
    );
  });
});
