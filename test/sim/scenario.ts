import { SafetyViolation } from './checker.ts';
import { fairWeather } from './network.ts';
import type { SimDisk } from './sim-disk.ts';
import type { SimNode } from './sim-node.ts';
import { World } from './world.ts';

export interface ScenarioOptions {
  readonly nodes: number;
  readonly seed: number;
  /** Events to process under faults, before everything is healed. */
  readonly steps: number;
  /** The disk of each node; an honest one when absent. */
  readonly disk?: () => SimDisk;
}

export interface ScenarioResult {
  readonly traceHash: string;
  /** Simulated milliseconds from the healing until all roots were equal. */
  readonly convergenceMs: number;
  readonly simulatedMs: number;
  readonly messages: number;
  readonly world: World;
}

/** Mean time between two things that the scenario does to the cluster, in simulated milliseconds. */
const meanGapMs = 40;
/** Roots are compared every so many steps: each step would spend nearly all time on it. */
const stepsPerComparison = 50;
/** Convergence takes a few rounds of 200 ms; pulls over a healed network that find nothing for so long never will. */
const patienceMs = 60_000;

/** Runs a cluster through seeded faults, heals it, and sees it converge. Throws `SafetyViolation` when a promise is broken. */
export function runScenario(options: ScenarioOptions): ScenarioResult {
  const world = new World(options.nodes, options.seed, options.disk);
  for (const node of world.nodes) node.start();
  const faults = misbehave(world);
  while (world.counts.steps < options.steps && world.step()) {
    if (world.counts.steps % stepsPerComparison === 0) world.checker.compareRoots();
  }
  faults.stop();
  const convergenceMs = converge(world);
  world.checker.checkEnd();
  return {
    traceHash: world.trace.digest(),
    convergenceMs,
    simulatedMs: world.now().monotonicMs,
    messages: world.checker.acknowledged,
    world,
  };
}

/** Does something to the cluster now and then until it is stopped; each act schedules the next. */
function misbehave(world: World): { stop(): void } {
  const { random } = world;
  let stopped = false;
  const act = (): void => {
    if (stopped) return;
    chooseAct(world, random.below(100));
    world.schedule(2 * meanGapMs * random.float(), act);
  };
  world.schedule(meanGapMs, act);
  return {
    stop: () => {
      stopped = true;
    },
  };
}

function chooseAct(world: World, dice: number): void {
  const { random, network } = world;
  const node = world.nodes[random.below(world.nodes.length)];
  if (node === undefined) return;
  if (dice < 70) {
    if (node.running) publishSome(world, node);
  } else if (dice < 75) {
    world.counts.crashes++;
    if (node.running) node.crash();
  } else if (dice < 88) {
    if (!node.running) node.start();
  } else if (dice < 91) {
    world.counts.partitions++;
    network.partition(world.nodes.map(() => random.below(2)));
  } else if (dice < 95) {
    network.heal();
  } else {
    network.weather = {
      loss: random.float() * 0.4,
      duplication: random.float() * 0.2,
      delay: [0.2, 1 + 60 * random.float() ** 3],
    };
  }
}

function publishSome(world: World, node: SimNode): void {
  const { random } = world;
  // Now and then a body that takes many datagrams, so that fragments get lost and are asked for again.
  const bodyBytes = random.below(20) === 0 ? 5_000 + random.below(40_000) : random.below(600);
  world.publish(node, 1 + random.below(4), bodyBytes, 1 + random.below(Math.min(3, world.nodes.length)));
}

/** Heals everything and waits until all replicas agree; answers how long that took in simulated milliseconds. */
function converge(world: World): number {
  world.network.heal();
  world.network.weather = fairWeather;
  for (const node of world.nodes) if (!node.running) node.start();
  const startMs = world.now().monotonicMs;
  while (world.now().monotonicMs < startMs + patienceMs) {
    if (world.checker.converged()) return world.now().monotonicMs - startMs;
    world.step();
  }
  throw new SafetyViolation(`the replicas did not agree within ${patienceMs} ms after the faults had ended`);
}
