import type { SetFullCounts } from '../check/set-full.ts';
import { situations } from '../check/situations.ts';
import { neverReached, type SweepSummary, sweep } from '../sweep/sweep.ts';
import { type Command, seedsForAllSituations } from './options.ts';
import { ProgressLine, type ProgressStream } from './progress.ts';

type SweepCommand = Extract<Command, { kind: 'sweep' }>;

/** Failures that are printed; beyond it they are counted. */
const shownFailures = 20;

/** Runs a sweep and prints what came of it; answers whether all is well. */
export async function runSweep(command: SweepCommand, stream: ProgressStream, signal: AbortSignal): Promise<boolean> {
  const line = new ProgressLine(stream, () => performance.now());
  const startedMs = performance.now();
  const summary = await sweep({
    ...command,
    signal,
    onProgress: ({ done, count, failures }) =>
      line.show(`${done} of ${count} seeds, ${failures.length} failed, ${seconds(performance.now() - startedMs)} s`),
  });
  line.clear();
  printSituations(summary);
  printFailures(summary, command);
  const isWhole = summary.done >= seedsForAllSituations && command.wishes.faults === undefined;
  const missing = isWhole ? neverReached(summary) : [];
  for (const situation of missing) console.log(`Never reached: ${situation}. What the faults do there is not known.`);
  console.log(messagesText(summary.messages));
  console.log(
    `${summary.done} seeds from ${command.from}: ${summary.failures.length} broke a promise. ` +
      `${seconds(summary.simulatedMs)} simulated seconds, ${summary.datagrams} datagrams, ${summary.acknowledged} messages acknowledged, ` +
      `all agreed ${seconds(summary.slowestMs)} s after the faults at the latest; ${seconds(performance.now() - startedMs)} s of real time.`,
  );
  return summary.failures.length === 0 && missing.length === 0;
}

function printSituations({ situations: counts }: SweepSummary): void {
  const width = Math.max(...Object.keys(situations).map((name) => name.length));
  for (const [name, meaning] of Object.entries(situations)) {
    console.log(`${`${counts.get(name) ?? 0}`.padStart(8)}  ${name.padEnd(width)}  ${meaning}`);
  }
}

function printFailures({ failures }: SweepSummary, { wishes }: SweepCommand): void {
  const more = [
    wishes.nodes === undefined ? '' : ` --nodes ${wishes.nodes}`,
    wishes.endMs === undefined ? '' : ` --for ${wishes.endMs}`,
    wishes.faults === undefined ? '' : ` --faults ${wishes.faults.join()}`,
  ].join('');
  for (const { seed, message } of failures.slice(0, shownFailures)) {
    console.log(`seed ${seed}: ${message}`);
    console.log(`  replay it with: npm run sim -- --seed ${seed}${more}        make it smaller with: --shrink`);
  }
  if (failures.length > shownFailures) console.log(`and ${failures.length - shownFailures} more`);
}

/** In the words of Jepsen's set-full. */
export function messagesText({ stable, stale, lost, neverRead, stalestMs }: SetFullCounts): string {
  return (
    `Messages: ${stable} stable, of those ${stale} stale for a while (${seconds(stalestMs)} s at most); ` +
    `${lost} lost with all disks that held them or erased, ${neverRead} never read.`
  );
}

function seconds(ms: number): string {
  return (ms / 1_000).toFixed(1);
}
