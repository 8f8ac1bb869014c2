import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../runner/test-files.ts';
import type { Mutant, Patch } from './mutant.ts';
import { mutants } from './mutants.ts';

/** Throws when there is no such mutant. */
export function mutantNamed(name: string): Mutant {
  const found = mutants.find((mutant) => mutant.name === name);
  if (found === undefined) throw new RangeError(`There is no mutant ${JSON.stringify(name)}.`);
  return found;
}

/** Loading the module at this address has `patches` applied to what is loaded after it. */
export function installUrl(patches: readonly Patch[]): string {
  const url = new URL('./install.ts', import.meta.url);
  url.searchParams.set('patches', JSON.stringify(patches));
  return url.href;
}

/** The patches in an address that `installUrl` made. */
export function patchesOf(url: string): readonly Patch[] {
  return JSON.parse(new URL(url).searchParams.get('patches') ?? '[]') as Patch[];
}

/** Applies those of `patches` that are for `file` to its text. Throws when one does not fit any more: it would test nothing. */
export function applyPatches(patches: readonly Patch[], file: string, text: string): string {
  let patched = text;
  for (const patch of patches.filter((one) => one.file === file)) {
    const times = patched.split(patch.find).length - 1;
    if (times !== 1) {
      throw new Error(`${file}: expected to find ${JSON.stringify(patch.find)} once, found it ${times} times.`);
    }
    patched = patched.replace(patch.find, () => patch.replace);
  }
  return patched;
}

/** Throws when some patch of a mutant does not fit the files as they are. */
export function requireFits({ name, patches }: Mutant): void {
  for (const file of new Set(patches.map((patch) => patch.file))) {
    try {
      applyPatches(patches, file, readFileSync(join(root, file), 'utf8'));
    } catch (error) {
      throw new Error(`The mutant "${name}" has to be rewritten for the code as it is now.`, { cause: error });
    }
  }
}
