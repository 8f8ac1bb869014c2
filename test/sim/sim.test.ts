import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { describe, it } from 'node:test';
import { SafetyViolation } from './check/violation.ts';
import { StoredDisk } from './disk/stored-disk.ts';
import { drawPlan } from './plan/draw-plan.ts';
import { planFromJson, planFromWord, planToJson, planToWord } from './plan/plan.ts';
import { runPlan } from './run-plan.ts';
import { outcomeOf } from './sweep/outcome.ts';
import { sweep } from './sweep/sweep.ts';

describe('the simulator', () => {
  it('gives the same trace for the same seed in any thread, and another for another', async () => {
    const wishes = { endMs: 4_000 };
    const { traceHashes } = await sweep({ from: 7, count: 2, wishes, jobs: 2 });
    const here = await outcomeOf(drawPlan(7, wishes));
    assert.equal(traceHashes.get(7), here.traceHash);
    assert.notEqual(traceHashes.get(8), here.traceHash);
  });

  it('gives the same trace for a plan that was written down', async () => {
    const plan = drawPlan(9, { endMs: 2_000 });
    const hashes = [plan, planFromJson(planToJson(plan)), planFromWord(planToWord(plan))].map(
      async (read) => (await outcomeOf(read)).traceHash,
    );
    assert.equal(new Set(await Promise.all(hashes)).size, 1);
  });

  it('keeps every promise, over seeds', async () => {
    const summary = await sweep({ from: 1, count: 24, wishes: { endMs: 3_000 }, jobs: availableParallelism() });
    assert.deepEqual(summary.failures, []);
    assert.ok(summary.acknowledged > 500);
  });

  it('agrees in a cluster of one', async () => {
    const { failure, acknowledged } = await outcomeOf(drawPlan(1, { nodes: 1, endMs: 2_000, faults: ['crash'] }));
    assert.equal(failure, undefined);
    assert.ok(acknowledged > 0);
  });

  it('notices a disk that lies about flushing', async () => {
    class LyingDisk extends StoredDisk {
      override commit(): Promise<void> {
        return Promise.resolve();
      }
    }
    const { error } = await runPlan(drawPlan(1, { nodes: 3, endMs: 4_000 }), (schedule) => new LyingDisk(schedule));
    assert.ok(error instanceof SafetyViolation);
  });
});
