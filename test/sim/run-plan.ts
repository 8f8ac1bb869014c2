import { actKindOf } from './acts/all-acts.ts';
import { checkEnd, isSound, showSame } from './check/end-checks.ts';
import type { SetFullCounts } from './check/set-full.ts';
import { type Broken, SafetyViolation } from './check/violation.ts';
import type { Plan } from './plan/plan.ts';
import type { DiskMaker } from './sim-node.ts';
import { World } from './world.ts';

export interface RunResult {
  readonly world: World;
  /** Simulated milliseconds from the healing until all roots were equal. */
  readonly convergenceMs: number;
  /** How the messages fared, when the run came to its end. */
  readonly messages: SetFullCounts | undefined;
  /** What ended the run before its time: a `SafetyViolation`, or whatever else was thrown. */
  readonly error: unknown;
}

/** Roots are compared every so many events: each one would spend nearly all time on it. */
const eventsPerComparison = 50;
/** How often the nodes are looked at after the faults, in simulated milliseconds. */
const lookMs = 10;
/** The same for what takes long to look at. */
const slowLookMs = 500;
/** Agreement takes some rounds of 200 ms; what is not there after so many never will be. */
const patienceMs = 60_000;
/** Several times what any plan has made nodes send that had a reason to. */
const datagramsPerNode = { atOnce: 20_000, perSecond: 1_500 } as const;
/** Far more than any plan needs: a cluster that does so much is going in circles. */
const maxEvents = 20_000_000;

/** Runs a cluster through a plan, heals it, and sees it converge. */
export async function runPlan(plan: Plan, disk?: DiskMaker): Promise<RunResult> {
  const world = new World(plan.settings, disk);
  let convergenceMs = 0;
  let messages: SetFullCounts | undefined;
  try {
    await misbehave(world, plan);
    requireModest(world);
    world.heal();
    convergenceMs = await waitFor(world, 'L1', 'the roots were not equal', () => world.checker.rootsAgree());
    await waitFor(world, 'L2', 'the nodes did not agree on who is alive', () => world.checker.membersAgree());
    await waitFor(world, 'L3', 'publishes were not answered', () => world.clients.unanswered().length === 0);
    // What was published at the last moment has to get around as well.
    await waitFor(world, 'L1', 'the roots were not equal', () => world.checker.rootsAgree());
    if (world.situations.has('bit flipped')) {
      await waitFor(
        world,
        'L5',
        'damage was left',
        () => world.nodes.every((node) => isSound(world, node)),
        slowLookMs,
      );
    }
    if (plan.settings.eraseAfterSeconds > 0) {
      await waitFor(world, 'C9', 'nodes showed different messages', () => showSame(world), slowLookMs);
    }
    messages = checkEnd(world);
    for (const node of world.nodes) world.watcher.ended(node);
  } catch (error) {
    return { world, convergenceMs, messages, error };
  }
  return { world, convergenceMs, messages, error: undefined };
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

/** A peer that gives nothing of use must not be asked without end. */
function requireModest(world: World): void {
  const { network, settings } = world;
  const seconds = world.nowMs() / 1_000;
  const allowed = settings.nodes * (datagramsPerNode.atOnce + Math.ceil(datagramsPerNode.perSecond * seconds));
  if (network.counts.sent <= allowed) return;
  throw new SafetyViolation('L6', `${network.counts.sent} datagrams were sent, ${allowed} would be many`);
}

/** Waits for a condition; answers how long that took in simulated milliseconds. */
async function waitFor(
  world: World,
  promise: Broken,
  otherwise: string,
  isDone: () => boolean,
  everyMs = lookMs,
): Promise<number> {
  const startMs = world.nowMs();
  for (let atMs = startMs; atMs < startMs + patienceMs; atMs += everyMs) {
    while (await world.step(atMs));
    if (isDone()) return atMs - startMs;
  }
  throw new SafetyViolation(promise, `${otherwise} ${patienceMs} ms after the faults had ended`);
}
