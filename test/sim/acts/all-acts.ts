import type { Act } from '../plan/plan.ts';
import type { ActKind } from './act-kind.ts';
import { crash } from './crash.ts';
import { partition } from './partition.ts';
import { publish } from './publish.ts';
import { weather } from './weather.ts';

/** What clients do in every run. */
export const workload: readonly ActKind[] = [publish];

/** What a run has only when its seed says so. */
export const faults: readonly ActKind[] = [crash, partition, weather];

const byKind: ReadonlyMap<string, ActKind> = new Map([...workload, ...faults].map((act) => [act.kind, act]));

/** Throws when an act is of no kind that there is, or lacks what its kind needs. */
export function checkActs(acts: readonly Act[]): void {
  for (const act of acts) actKindOf(act).check(act);
}

/** Throws when there is no such kind. */
export function actKindOf({ kind }: Act): ActKind {
  const found = byKind.get(kind);
  if (found === undefined) throw new RangeError(`There is no act of kind ${JSON.stringify(kind)}.`);
  return found;
}
