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

/** Throws when there is no such kind. */
export function actKindOf(kind: string): ActKind {
  const found = byKind.get(kind);
  if (found === undefined) throw new RangeError(`There is no act of kind ${JSON.stringify(kind)}.`);
  return found;
}
