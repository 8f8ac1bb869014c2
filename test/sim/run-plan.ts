import { actKindOf } from './acts/all-acts.ts';
import { checkEnd } from './check/end-checks.ts';
import { SafetyViolation } from './check/violation.ts';
import type { Plan } from './plan/plan.ts';
import type { DiskMaker } from './sim-node.ts';
import { World } from './world.ts';

export interface RunResult {
  readonly world: World;
  /** Simulated milliseconds from the healing until all roots were equal. */
  readonly convergenceMs: number;
  /** What ended the run before its time: a `SafetyViolation`, or whatever else was thrown. */
  readonly error: unknown;
}

/** Roots are compared every so many events: each one would spend nearly all time on it. */
const eventsPerComparison = 50;
/** How often the replicas are looked at after the faults, in simulated milliseconds. */
const lookMs = 10;
/** Convergence takes a few rounds of 200 ms; pulls over a healed network that find nothing for so long never will. */
const patienceMs = 60_000;
/** Far more than any plan needs: a cluster that does so much is going in circles. */
const maxEvents = 20_000_000;

/** Runs a cluster through a plan, heals it, and sees it converge. */
export async function runPlan(plan: Plan, disk?: DiskMaker): Promise<RunResult> {
  const world = new World(plan.settings, disk);
  let convergenceMs = 0;
  try {
    await misbehave(world, plan);
    world.heal();
    convergenceMs = await converge(world);
    checkEnd(world);
    for (const node of world.nodes) world.watcher.ended(node);
  } catch (error) {
    return { world, convergenceMs, error };
  }
  return { world, convergenceMs, error: undefined };
}

async function misbehave(world: World, { acts, endMs }: Plan): Promise<void> {
  for (const node of world.nodes) node.start();
  for (const act of acts) {
    world.schedule(act.atMs, () => {
      world.trace.note(JSON.stringify(act));
      actKindOf(act).perform(world, act);
    });
  }
  while (await world.step(endMs)) {
    if (world.counts.events % eventsPerComparison === 0) world.checker.compareRoots();
    if (world.counts.events > maxEvents) throw new SafetyViolation('L4', `${maxEvents} events happened`);
  }
}

/** Waits until all replicas agree; answers how long that took in simulated milliseconds. */
async function converge(world: World): Promise<number> {
  const startMs = world.nowMs();
  for (let atMs = startMs; atMs < startMs + patienceMs; atMs += lookMs) {
    while (await world.step(atMs));
    if (world.checker.rootsAgree()) return atMs - startMs;
  }
  throw new SafetyViolation('L1', `the replicas did not agree within ${patienceMs} ms after the faults had ended`);
}
