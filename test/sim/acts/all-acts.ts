import type { Act } from '../plan/plan.ts';
import type { ActKind } from './act-kind.ts';
import { changeSeeds } from './change-seeds.ts';
import { clockJump } from './clock-jump.ts';
import { compare } from './compare.ts';
import { corrupt } from './corrupt.ts';
import { crash } from './crash.ts';
import { failingDisk } from './failing-disk.ts';
import { leave } from './leave.ts';
import { lossyLinks } from './lossy-links.ts';
import { loseData, restoreBackup } from './lost-data.ts';
import { partition } from './partition.ts';
import { burst, publish, publishWithKey } from './publish.ts';
import { follow, read } from './read.ts';
import { replay } from './replay.ts';
import { rotateKeys } from './rotate-keys.ts';
import { slowDisk } from './slow-disk.ts';
import { slowNode, stall } from './slow-node.ts';
import { tamper } from './tamper.ts';
import { weather } from './weather.ts';

/** What clients do in every run. */
export const workload: readonly ActKind[] = [publish, publishWithKey, burst, read, follow, compare];

/** What a run has only when its seed says so. */
export const faults: readonly ActKind[] = [
  crash,
  partition,
  lossyLinks,
  weather,
  slowDisk,
  failingDisk,
  stall,
  slowNode,
  clockJump,
  loseData,
  leave,
  changeSeeds,
  rotateKeys,
  tamper,
  replay,
];

/**
 * Drawn into plans of its own, without faults that keep nodes from hearing each other: a node that is put back and reaches
 * nobody writes on after a while, and its log forks.
 */
export const calmFaults: readonly ActKind[] = [restoreBackup, ...faults.filter(({ silences }) => !silences)];

/** Drawn into plans of its own, in which no disk loses all: a sound copy has to be left somewhere. */
export const damageFaults: readonly ActKind[] = [corrupt, ...faults.filter((fault) => fault !== loseData)];

/** Each kind once. */
export const allFaults: readonly ActKind[] = [...new Set([...faults, ...calmFaults, ...damageFaults])];

const byKind: ReadonlyMap<string, ActKind> = new Map([...workload, ...allFaults].map((act) => [act.kind, act]));

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
