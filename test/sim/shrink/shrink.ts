import type { Broken } from '../check/violation.ts';
import type { Act, Plan } from '../plan/plan.ts';
import { withoutNode } from './without-node.ts';

export interface ShrinkOptions {
  /** The promise that `plan` breaks, and nothing when it keeps all. */
  readonly breaks: (plan: Plan) => Promise<Broken | undefined>;
  /** Runs that may be spent. */
  readonly maxRuns: number;
  /** Called with each smaller plan. */
  readonly onProgress?: (smaller: Plan, runs: number) => void;
  readonly signal?: AbortSignal;
}

/**
 * Makes a failing plan as small as it gets while it still breaks `broken`: first fewer acts (delta debugging: Zeller and
 * Hildebrandt, 2002), then fewer nodes, then smaller numbers and an earlier end.
 */
export async function shrink(plan: Plan, broken: Broken, options: ShrinkOptions): Promise<Plan> {
  let best = plan;
  let runs = 0;
  /** Takes `smaller` if it fails as well. */
  const attempt = async (smaller: Plan): Promise<boolean> => {
    if (runs >= options.maxRuns || options.signal?.aborted === true) return false;
    runs++;
    if ((await options.breaks(smaller)) !== broken) return false;
    best = smaller;
    options.onProgress?.(best, runs);
    return true;
  };
  for (let size = Number.POSITIVE_INFINITY; weightOf(best) < size; ) {
    size = weightOf(best);
    await fewerActs(() => best, attempt);
    await fewerNodes(() => best, attempt);
    await earlierEnd(() => best, attempt);
    await smallerNumbers(() => best, attempt);
  }
  return best;
}

type Attempt = (smaller: Plan) => Promise<boolean>;

/** Shrinks until this stops falling. */
function weightOf({ settings, acts, endMs }: Plan): number {
  return JSON.stringify(acts).length + settings.nodes + endMs / 1_000;
}

/** Leaves out runs of acts, long ones first. */
async function fewerActs(best: () => Plan, attempt: Attempt): Promise<void> {
  for (let length = best().acts.length; length >= 1; length = Math.floor(length / 2)) {
    for (let at = 0; at < best().acts.length; ) {
      const { acts } = best();
      const isSmaller = await attempt({ ...best(), acts: [...acts.slice(0, at), ...acts.slice(at + length)] });
      if (!isSmaller) at += length;
    }
  }
}

async function fewerNodes(best: () => Plan, attempt: Attempt): Promise<void> {
  for (let index = best().settings.nodes - 1; index >= 0 && best().settings.nodes > 1; index--) {
    await attempt(withoutNode(best(), index));
  }
}

async function earlierEnd(best: () => Plan, attempt: Attempt): Promise<void> {
  const lastMs = best().acts.at(-1)?.atMs ?? 0;
  for (const endMs of [lastMs + 1, lastMs + 100, lastMs + 1_000, lastMs + 10_000]) {
    if (endMs < best().endMs && (await attempt({ ...best(), endMs }))) return;
  }
}

async function smallerNumbers(best: () => Plan, attempt: Attempt): Promise<void> {
  for (let at = 0; at < best().acts.length; at++) {
    for (const [name, value] of Object.entries(best().acts[at] ?? {})) {
      if (typeof value !== 'number' || isPlace(name)) continue;
      for (const smaller of smallerThan(value)) {
        if (await attempt(withAct(best(), at, { [name]: smaller }))) break;
      }
    }
  }
}

/** Times and nodes are changed in ways of their own. */
function isPlace(name: string): boolean {
  return name === 'node' || name === 'atMs';
}

function smallerThan(value: number): number[] {
  return [...new Set([0, 1, Math.floor(value / 10), Math.floor(value / 2)])].filter((smaller) => smaller < value);
}

function withAct(plan: Plan, at: number, change: Partial<Act>): Plan {
  return { ...plan, acts: plan.acts.map((act, i) => (i === at ? { ...act, ...change } : act)) };
}
