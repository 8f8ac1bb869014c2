/** A thread in which the code is broken: runs seeds until one breaks a promise, and posts which. */
import { parentPort, workerData } from 'node:worker_threads';
import type { SweepHunt, SweepHuntResult } from './hunt.ts';

const { install, faults, seeds, endMs } = workerData as SweepHunt;
// What the simulator is made of must be loaded after the hooks.
await import(install);
const { outcomeOf } = await import('../sweep/outcome.ts');
const { drawPlan } = await import('../plan/draw-plan.ts');

async function hunt(): Promise<SweepHuntResult> {
  for (let seed = 1; seed <= seeds; seed++) {
    const { failure } = await outcomeOf(drawPlan(seed, { faults, endMs }));
    if (failure !== undefined) return { seed, failure };
  }
  return undefined;
}

parentPort?.postMessage(await hunt());
