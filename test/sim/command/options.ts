import { parseArgs } from 'node:util';
import { allFaults } from '../acts/all-acts.ts';
import type { PlanWishes } from '../plan/draw-plan.ts';

export const help = `Runs a whole cluster in one process on simulated time, network, disks and clocks.

One run:
  npm run sim -- [--seed 7]             the plan that follows from a seed
  npm run sim -- --replay FILE          a plan that was written down
  npm run sim -- --plan WORD            a plan as the simulator prints it

  --save FILE   writes the plan down before it is run
  --shrink      when a promise is broken, makes the plan as small as it gets and writes it down

Many runs:
  npm run sim -- --sweep 1000 [--from 1] [--jobs 2]

  --sweep       how many seeds, 1 to 10000000
  --from        the first of them
  --jobs        threads; one per core when absent

Broken code:
  npm run sim -- --mutants [NAME …]     breaks the nodes' code in every way of a table, or in those named, and sees that a sweep
                                        or a test notices

Large clusters:
  npm run sim -- --nodes 1000 --report  rounds and bytes until all agree, for 8 nodes up to so many, into docs/convergence.md; takes
                                        40 minutes of CPU and 5 GB of memory for 1,000

With a seed and with a sweep:
  --nodes       replicas, 1 to 1000, instead of as many as the seed says
  --for         simulated milliseconds under faults, instead of as many as the seed says
  --faults      kinds of faults with commas between them, instead of those that the seed says:
${faultNames()}

Exit code 0 when every promise was kept, 1 when one was broken, when a sweep of 1,000 seeds or more never got into some situation, or
when a mutant survived; 2 for a wrong option, 130 after Ctrl-C.
`;

/** A sweep of fewer seeds need not get into every situation. */
export const seedsForAllSituations = 1_000;

export type Command =
  | { readonly kind: 'help' }
  | {
      readonly kind: 'run';
      readonly source:
        | { readonly seed: number; readonly wishes: PlanWishes }
        | { readonly file: string }
        | { readonly word: string };
      readonly save: string | undefined;
      readonly shrinks: boolean;
    }
  | {
      readonly kind: 'sweep';
      readonly from: number;
      readonly count: number;
      readonly jobs: number;
      readonly wishes: PlanWishes;
    }
  | { readonly kind: 'report'; readonly nodes: number }
  | { readonly kind: 'mutants'; readonly names: readonly string[]; readonly jobs: number };

/** Throws an error that says which option is wrong. */
export function readCommand(args: readonly string[], cores: number): Command {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      seed: { type: 'string' },
      replay: { type: 'string' },
      plan: { type: 'string' },
      save: { type: 'string' },
      shrink: { type: 'boolean', default: false },
      sweep: { type: 'string' },
      mutants: { type: 'boolean', default: false },
      report: { type: 'boolean', default: false },
      from: { type: 'string', default: '1' },
      jobs: { type: 'string', default: `${cores}` },
      nodes: { type: 'string' },
      for: { type: 'string' },
      faults: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return { kind: 'help' };
  const given = (['seed', 'replay', 'plan', 'sweep', 'mutants', 'report'] as const).filter(
    (name) => values[name] !== undefined && values[name] !== false,
  );
  if (given.length > 1) throw new RangeError(`Found ${given.map((name) => `--${name}`).join(' and ')}, expected one.`);
  if (!values.mutants && positionals.length > 0) {
    throw new RangeError(`Found ${JSON.stringify(positionals[0])}, expected only options.`);
  }
  const jobs = wholeNumber('jobs', values.jobs, 1, 256);
  if (values.mutants) return { kind: 'mutants', names: positionals, jobs };
  if (values.report) return { kind: 'report', nodes: wholeNumber('nodes', values.nodes ?? '1000', 8, 1_000) };
  const wishes: PlanWishes = {
    ...(values.nodes === undefined ? {} : { nodes: wholeNumber('nodes', values.nodes, 1, 1_000) }),
    ...(values.for === undefined ? {} : { endMs: wholeNumber('for', values.for, 1, 3_600_000) }),
    ...(values.faults === undefined ? {} : { faults: faultKinds(values.faults) }),
  };
  if (values.sweep !== undefined) {
    return {
      kind: 'sweep',
      from: wholeNumber('from', values.from, 0, 0xffff_ffff),
      count: wholeNumber('sweep', values.sweep, 1, 10_000_000),
      jobs,
      wishes,
    };
  }
  const { save, shrink: shrinks } = values;
  if (values.replay !== undefined) return { kind: 'run', source: { file: values.replay }, save, shrinks };
  if (values.plan !== undefined) return { kind: 'run', source: { word: values.plan }, save, shrinks };
  const seed = wholeNumber('seed', values.seed ?? '7', 0, 0xffff_ffff);
  return { kind: 'run', source: { seed, wishes }, save, shrinks };
}

function faultKinds(text: string): string[] {
  const kinds = text.split(',');
  const unknown = kinds.find((kind) => !allFaults.some((fault) => fault.kind === kind));
  if (unknown === undefined) return kinds;
  throw new RangeError(`--faults: found ${JSON.stringify(unknown)}, expected kinds of faults; --help names them.`);
}

function faultNames(): string {
  const names = allFaults.map(({ kind }) => kind);
  const half = Math.ceil(names.length / 2);
  return [names.slice(0, half), names.slice(half)].map((line) => `                ${line.join(', ')}`).join('\n');
}

function wholeNumber(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  throw new RangeError(`--${name}: found ${JSON.stringify(text)}, expected a whole number from ${least} to ${most}.`);
}
