import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../runner/test-files.ts';
import { checkActs } from '../acts/all-acts.ts';
import type { Broken } from '../check/violation.ts';
import { drawPlan } from '../plan/draw-plan.ts';
import { type Plan, planFromJson, planFromWord, planToJson, planToWord } from '../plan/plan.ts';
import { runPlan } from '../run-plan.ts';
import { shrink } from '../shrink/shrink.ts';
import { failureOf, outcomeOf } from '../sweep/outcome.ts';
import type { Command } from './options.ts';
import { ProgressLine, type ProgressStream } from './progress.ts';
import { messagesText } from './run-sweep.ts';

/** Each takes about as long as the first; so many end within minutes. */
const maxShrinkRuns = 2_000;
/** A longer word is no use on a command line. */
const maxWordLength = 1_500;

type RunCommand = Extract<Command, { kind: 'run' }>;

/** Runs one plan and prints what came of it; answers whether every promise was kept. */
export async function runOne(command: RunCommand, progress: ProgressStream, signal: AbortSignal): Promise<boolean> {
  const plan = planOf(command.source);
  checkActs(plan.acts);
  if (command.save !== undefined) writeFileSync(command.save, planToJson(plan));
  const startedMs = performance.now();
  const { world, convergenceMs, messages, error } = await runPlan(plan);
  const { sent, lost, cutOff, duplicated, bytes } = world.network.counts;
  const { events, crashes, partitions, streams, brokenStreams } = world.counts;
  const { published, refused } = world.clients.counts;
  const seconds = (ms: number): string => (ms / 1_000).toFixed(2);
  console.log(
    `seed ${plan.settings.seed}, ${plan.settings.nodes} nodes: ${plan.acts.length} acts, ${events} events, ${seconds(world.nowMs())} simulated seconds`,
  );
  console.log(
    `  faults      ${crashes} crashes, ${partitions} partitions, ${lost} of ${sent} datagrams lost, ${cutOff} cut off, ${duplicated} doubled`,
  );
  console.log(
    `  messages    ${published} published, ${world.checker.acknowledged} acknowledged, ${refused} publishes refused`,
  );
  console.log(
    `  traffic     ${(bytes / 1024).toFixed(0)} KiB in datagrams; ${streams} catch-ups by stream, ${brokenStreams} of them broke`,
  );
  console.log(`  situations  ${situationsText(world.situations.counts())}`);
  console.log(`  trace hash  ${world.trace.digest()}`);
  console.log(`  ${seconds(performance.now() - startedMs)} s of real time`);
  if (messages !== undefined) console.log(messagesText(messages));
  if (error === undefined) {
    console.log(
      `Every promise was kept; all agreed ${seconds(convergenceMs)} s after the faults ended, on what a rebuild from the raw entries gives.`,
    );
    return true;
  }
  const { broken, message } = failureOf(error);
  console.log(`Broken: ${message}`);
  if (command.shrinks) await shrinkAndPrint(plan, broken, progress, signal);
  return false;
}

function planOf(source: RunCommand['source']): Plan {
  if ('file' in source) return planFromJson(readFileSync(source.file, 'utf8'));
  if ('word' in source) return planFromWord(source.word);
  return drawPlan(source.seed, source.wishes);
}

async function shrinkAndPrint(plan: Plan, broken: Broken, stream: ProgressStream, signal: AbortSignal): Promise<void> {
  const line = new ProgressLine(stream, () => performance.now());
  const smallest = await shrink(plan, broken, {
    breaks: async (smaller) => (isPossible(smaller) ? (await outcomeOf(smaller)).failure?.broken : undefined),
    maxRuns: maxShrinkRuns,
    signal,
    onProgress: ({ acts, settings }, runs) =>
      line.show(`shrinking: ${acts.length} acts on ${settings.nodes} nodes after ${runs} runs`),
  });
  line.clear();
  const folder = join(root, 'test/output/sim');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `seed-${plan.settings.seed}-${broken}.json`);
  writeFileSync(file, planToJson(smallest));
  console.log(`The smallest plan that breaks ${broken}:\n${planToJson(smallest)}`);
  console.log(`Replay it with: npm run sim -- --replay ${file}`);
  const word = planToWord(smallest);
  if (word.length <= maxWordLength) console.log(`or:             npm run sim -- --plan ${word}`);
}

/** A number may have become too small for its act. */
function isPossible({ acts }: Plan): boolean {
  try {
    checkActs(acts);
    return true;
  } catch {
    return false;
  }
}

function situationsText(counts: Readonly<Record<string, number>>): string {
  const texts = Object.entries(counts).map(([situation, times]) => `${situation} ×${times}`);
  return texts.length === 0 ? 'none' : texts.join(', ');
}
