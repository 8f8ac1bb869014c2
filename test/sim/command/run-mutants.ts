import { hunt } from '../mutants/hunt.ts';
import type { Mutant } from '../mutants/mutant.ts';
import { mutants } from '../mutants/mutants.ts';
import { mutantNamed } from '../mutants/patch.ts';
import { ProgressLine, type ProgressStream } from './progress.ts';

/** Breaks the code in every way of the table, or in those named, and says who noticed; answers whether somebody always did. */
export async function runMutants(
  { names, jobs }: { readonly names: readonly string[]; readonly jobs: number },
  stream: ProgressStream,
  signal: AbortSignal,
): Promise<boolean> {
  const line = new ProgressLine(stream, () => performance.now());
  const waiting = names.length === 0 ? [...mutants] : names.map(mutantNamed);
  const count = waiting.length;
  let caught = 0;
  const work = async (): Promise<void> => {
    for (let mutant = waiting.shift(); mutant !== undefined && !signal.aborted; mutant = waiting.shift()) {
      line.show(`${count - waiting.length} of ${count} mutants: ${mutant.name}`);
      const by = await catcherOf(mutant, signal);
      if (signal.aborted) return;
      line.clear();
      console.log(by === undefined ? `✖ ${mutant.name}: survived` : `✔ ${mutant.name}\n    ${by}`);
      if (by !== undefined) caught++;
    }
  };
  await Promise.all(Array.from({ length: Math.min(jobs, count) }, work));
  line.clear();
  console.log(`${caught} of ${count} mutants were caught.`);
  return caught === count;
}

async function catcherOf(mutant: Mutant, signal: AbortSignal): Promise<string | undefined> {
  try {
    return await hunt(mutant, signal);
  } catch (error) {
    if (signal.aborted) return undefined;
    throw error;
  }
}
