/** A thread of a sweep: takes seeds, one at a time, and posts what became of each. */
import { parentPort } from 'node:worker_threads';
import { drawPlan } from '../plan/draw-plan.ts';
import { outcomeOf } from './outcome.ts';
import type { SeedOutcome, SeedTask } from './sweep.ts';

parentPort?.on('message', ({ seed, wishes }: SeedTask) => {
  void outcomeOf(drawPlan(seed, wishes)).then((outcome) => {
    parentPort?.postMessage({ seed, outcome } satisfies SeedOutcome);
  });
});
