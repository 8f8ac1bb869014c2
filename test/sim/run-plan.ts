import { actKindOf } from './acts/all-acts.ts';
import { SafetyViolation } from './check/violation.ts';
import type { Plan } from './plan/plan.ts';
import type { DiskMaker } from './sim-node.ts';
import { World } from './world.ts';

export interface RunResult {
  readonly traceHash: string;
  /** Simulated milliseconds from the healing until all roots were equal. */
  readonly convergenceMs: number;
  readonly simulatedMs: number;
  readonly messages: number;
  readonly world: World;
}

/** Roots are compared every so many events: each one would spend nearly all time on it. */
const eventsPerComparison = 50;
/** How often the replicas are looked at after the faults, in simulated milliseconds. */
const lookMs = 10;
/** Convergence takes a few rounds of 200 ms; pulls over a healed network that find nothing for so long never will. */
const patienceMs = 60_000;

/** Runs a cluster through a plan, heals it, and sees it converge. Throws `SafetyViolation` when a promise is broken. */
export async function runPlan(plan: Plan, disk?: DiskMaker): Promise<RunResult> {
  const world = new World(plan.settings, disk);
  for (const node of world.nodes) node.start();
  for (const act of plan.acts) {
    world.schedule(act.atMs, () => {
      world.trace.note(JSON.stringify(act));
      actKindOf(act.kind).perform(world, act);
    });
  }
  while (await world.step(plan.endMs)) {
    if (world.counts.events % eventsPerComparison === 0) world.checker.compareRoots();
  }
  world.heal();
  const convergenceMs = await converge(world);
  world.checker.checkEnd();
  return {
    traceHash: world.trace.digest(),
    convergenceMs,
    simulatedMs: world.nowMs(),
    messages: world.checker.acknowledged,
    world,
  };
}

/** Waits until all replicas agree; answers how long that took in simulated milliseconds. */
async function converge(world: World): Promise<number> {
  const startMs = world.nowMs();
  for (let atMs = startMs; atMs < startMs + patienceMs; atMs += lookMs) {
    while (await world.step(atMs));
    if (world.checker.converged()) return atMs - startMs;
  }
  throw new SafetyViolation('L1', `the replicas did not agree within ${patienceMs} ms after the faults had ended`);
}
