import { type Random, SeededRandom } from '@grapevine/shared/random.ts';
import type { ActKind, Drawing } from '../acts/act-kind.ts';
import { actKindOf, calmFaults, damageFaults, faults, workload } from '../acts/all-acts.ts';
import { type Act, type Plan, type Settings, usualSettings } from './plan.ts';

/** What the command line decides instead of the seed. */
export interface PlanWishes {
  readonly nodes?: number;
  /** Simulated milliseconds under faults. */
  readonly endMs?: number;
  /** Kinds of faults, those and no others. */
  readonly faults?: readonly string[];
}

/**
 * The plan behind a seed. Each seed turns a random part of the faults off, and draws how often the others come (swarm testing:
 * Groce et al., 2012): what happens all the time hides what only happens when something else is quiet.
 */
export function drawPlan(seed: number, wishes: PlanWishes = {}): Plan {
  const random = new SeededRandom(seed);
  const settings = drawSettings(seed, random, wishes);
  const endMs = wishes.endMs ?? 4_000 + random.below(20_000);
  const possible = pick(random, [calmFaults, damageFaults, faults, faults, faults, faults, faults, faults]);
  const drawn = possible.filter(() => random.below(2) === 0);
  const chosen = wishes.faults?.map((kind) => actKindOf({ kind, atMs: 0 })) ?? drawn;
  const faultShare = 0.02 + 0.25 * random.float() ** 2;
  const kinds = [...weighted(workload, 1 - faultShare, random), ...weighted(chosen, faultShare, random)];
  const meanGapMs = 30 + random.below(170);
  const drawing = drawingOf(random, settings);
  const acts: Act[] = [];
  for (let atMs = meanGapMs; atMs < endMs; atMs += Math.ceil(2 * meanGapMs * random.float())) {
    const { kind, draw } = choose(kinds, random);
    const parameters = draw(drawing);
    if (parameters !== undefined) acts.push({ atMs, kind, ...parameters });
  }
  // Nodes whose clocks are wrong erase at other times, and show different messages for as long.
  const erases = random.below(4) === 0 && !chosen.some(({ kind }) => kind === 'clock-jump');
  const eraseAfterSeconds = erases ? 1 + random.below(5) : 0;
  return { settings: { ...settings, eraseAfterSeconds }, acts, endMs };
}

function drawSettings(seed: number, random: Random, { nodes }: PlanWishes): Settings {
  const size = random.below(12) === 0 ? 10 + random.below(14) : 1 + random.below(7);
  const maxDatagramBytes = pick(random, [576, 1_400, 1_400, 1_400, 9_000, 65_507]);
  return {
    ...usualSettings,
    seed,
    nodes: nodes ?? size,
    maxDatagramBytes,
    oddDatagramBytes: random.below(6) === 0 ? pick(random, [576, 1_400, 9_000]) : maxDatagramBytes,
    queueBytes: pick(random, [4 * 1024, usualSettings.queueBytes, usualSettings.queueBytes]),
    receiveBufferBytes: pick(random, [16 * 1024, usualSettings.receiveBufferBytes]),
    catchUpBytes: pick(random, [1_024, 4 * 1024, 16 * 1024, 4 * 1024 * 1024]),
    sealed: random.below(4) === 0,
    signed: random.below(4) === 0,
  };
}

function drawingOf(random: Random, settings: Settings): Drawing {
  const { nodes } = settings;
  return {
    random,
    settings,
    node: () => random.below(nodes),
    someNodes() {
      const shuffled = Array.from({ length: nodes }, (_, index) => ({ index, at: random.float() }));
      shuffled.sort((a, b) => a.at - b.at);
      return shuffled.slice(0, 1 + random.below(Math.max(1, nodes - 1))).map(({ index }) => index);
    },
    between: (leastMs, mostMs) => leastMs + random.below(mostMs - leastMs + 1),
  };
}

/** Kinds whose weights come to `total`; how they stand to each other is drawn. */
function weighted(kinds: readonly ActKind[], total: number, random: Random): { kind: ActKind; weight: number }[] {
  const drawn = kinds.map((kind) => ({ kind, weight: kind.weight * (0.2 + 1.6 * random.float()) }));
  const sum = drawn.reduce((all, { weight }) => all + weight, 0);
  return drawn.map(({ kind, weight }) => ({ kind, weight: (weight / sum) * total }));
}

function choose(kinds: readonly { kind: ActKind; weight: number }[], random: Random): ActKind {
  let at = random.float() * kinds.reduce((sum, { weight }) => sum + weight, 0);
  for (const { kind, weight } of kinds) {
    at -= weight;
    if (at < 0) return kind;
  }
  throw new RangeError('There is nothing to choose from.');
}

function pick<Item>(random: Random, items: readonly [Item, ...Item[]]): Item {
  return items[random.below(items.length)] ?? items[0];
}
