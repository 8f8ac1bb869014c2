import {
  type CatchUp,
  catchUpSchema,
  hashSchema,
  memberStateSchema,
  originSchema,
} from '@grapevine/shared/contracts/node-api.ts';
import type { Command } from 'commander';
import { z } from 'zod';
import { CommandError } from '../command-error.ts';
import type { Context } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { GatewayClient } from '../gateway-client.ts';
import type { SetExitCode } from '../program.ts';
import { addTargetOptions, findTarget, type TargetOptions } from '../target.ts';
import { type Painter, painter } from '../terminal/paint.ts';
import { table } from '../terminal/table.ts';
import { type Look, watch } from './status-watch.ts';

interface StatusOptions extends TargetOptions {
  readonly json?: boolean;
  /** Seconds between two looks; true for the usual ones. */
  readonly watch?: string | true;
}

/** Between two looks of `--watch`, in seconds: as often as an operator can read, and seldom enough for any cluster. */
const usualWatchSeconds = 2;
const longestWatchSeconds = 3_600;

const statusSchema = z.object({
  nodes: z.array(
    z.object({
      name: z.string(),
      origin: originSchema,
      state: memberStateSchema,
      reachable: z.boolean(),
      root: hashSchema.nullable(),
      messages: z.int().nullable(),
      catchUp: catchUpSchema.nullable().default(null),
      quarantined: z.int().nullable().default(null),
      mendedViews: z.int().nullable().default(null),
      forks: z.int().nullable().default(null),
    }),
  ),
  consistency: z.object({
    verdict: z.enum(['equal', 'behind', 'forked', 'unreachable']),
    pairs: z.array(z.object({ a: z.string(), b: z.string(), state: z.string(), by: z.int() })),
  }),
});
type Status = z.infer<typeof statusSchema>;
type Verdict = Status['consistency']['verdict'];

const query = `{
  cluster {
    nodes { name origin state reachable root messages catchUp { from entries of bytesPerSecond } quarantined mendedViews forks }
    consistency { verdict pairs { a b state by } }
  }
}`;

const exitCodeByVerdict: Readonly<Record<Verdict, number>> = {
  equal: exitCodes.ok,
  behind: exitCodes.ok,
  forked: exitCodes.failed,
  unreachable: exitCodes.unreachable,
};

/** Digits of a root that a person compares; `--json` has all 64. */
const shownRootDigits = 16;

export function addStatus(program: Command, context: Context, setExitCode: SetExitCode): void {
  const command = program
    .command('status')
    .description('Say whether all replicas tell the same story.')
    .option('--json', 'print {"verdict", "nodes", "pairs"}')
    .option('--watch [seconds]', `look again every so often (${usualWatchSeconds} s) until Ctrl-C`)
    .addHelpText(
      'after',
      `
Exit codes: 0 replicas agree or some are only behind · 1 forked · 2 something cannot be reached; with --watch as at the last look
With --watch a terminal shows the newest look; elsewhere a line is printed whenever the verdict changes, with --json one for each look.
Examples:
  grapevine status
  grapevine status --watch
  grapevine status --json | jq -r .verdict`,
    );
  addTargetOptions(command);
  command.action(async (options: StatusOptions) => {
    const client = new GatewayClient(await findTarget(context, options));
    const { stdout } = context;
    const look = async (): Promise<Look> => lookAt(await ask(client), painter(stdout), stdout.columns);
    if (options.watch !== undefined) {
      setExitCode(await watch(look, watchSeconds(options.watch), options.json === true, context));
      return;
    }
    const { json, text, exitCode } = await look();
    stdout.write(`${options.json === true ? json : text}\n`);
    setExitCode(exitCode);
  });
}

async function ask(client: GatewayClient): Promise<Status> {
  const { cluster } = await client.graphql(z.object({ cluster: statusSchema }), query);
  return cluster;
}

function lookAt(status: Status, paint: Painter, width: number | undefined): Look {
  const { nodes, consistency } = status;
  const { verdict, pairs } = consistency;
  return {
    headline: headline(verdict, nodes.length, paint),
    text: describe(status, paint, width),
    json: JSON.stringify({ verdict, nodes, pairs }),
    exitCode: exitCodeByVerdict[verdict],
  };
}

function watchSeconds(given: string | true): number {
  if (given === true) return usualWatchSeconds;
  const seconds = Number(given);
  if (seconds >= 0.1 && seconds <= longestWatchSeconds) return seconds;
  throw new CommandError(`--watch: expected 0.1 to ${longestWatchSeconds} seconds, found ${given}`, exitCodes.usage);
}

function describe({ nodes, consistency }: Status, paint: Painter, width: number | undefined): string {
  const rows = nodes.map(({ name, state, reachable, root, messages }) => [
    name,
    reachable ? state : `${state}, no answer`,
    String(messages ?? '-'),
    root?.slice(0, shownRootDigits) ?? '-',
  ]);
  const catchUps = nodes.flatMap(({ name, catchUp }) => (catchUp === null ? [] : describeCatchUp(name, catchUp)));
  const damaged = nodes.flatMap(describeDamage);
  const differing = consistency.pairs.filter(({ state }) => state !== 'equal').map(describePair);
  return [
    headline(consistency.verdict, nodes.length, paint),
    '',
    table([['node', 'state', 'messages', 'root'], ...rows], width),
    ...(damaged.length === 0 ? [] : ['', ...damaged.map(paint.yellow)]),
    ...(catchUps.length === 0 ? [] : ['', ...catchUps]),
    ...(differing.length === 0 ? [] : ['', ...differing]),
  ].join('\n');
}

function headline(verdict: Verdict, count: number, { green, yellow, red }: Painter): string {
  switch (verdict) {
    case 'equal':
      return green(count === 1 ? 'equal: there is one replica' : `equal: all ${count} replicas tell the same story`);
    case 'behind':
      return yellow('behind: some replicas lack messages that others have; gossip brings them');
    case 'forked':
      return red('forked: replicas contradict each other; `grapevine compare A B` names the logs');
    case 'unreachable':
      return red('unreachable: some replicas did not answer');
  }
}

function describeDamage({ name, quarantined, mendedViews, forks }: Status['nodes'][number]): string[] {
  const segments = quarantined === 1 ? 'a damaged segment' : `${quarantined} damaged segments`;
  const records = mendedViews === 1 ? 'a damaged record' : `${mendedViews} damaged records`;
  const logs = forks === 1 ? 'a log' : `${forks} logs`;
  return [
    ...(quarantined ? [`${name} has taken ${segments} out of service and asks its peers for copies`] : []),
    ...(mendedViews
      ? [`${name} has made ${records} of its views anew since its start: look at its disk and memory`]
      : []),
    ...(forks ? [`${name} has evidence of ${logs} with two histories`] : []),
  ];
}

function describeCatchUp(name: string, { from, entries, of, bytesPerSecond }: CatchUp): string {
  const share = of === 0 ? 0 : Math.floor((100 * entries) / of);
  const rate = (bytesPerSecond / 1_000_000).toFixed(1);
  return `${name} catches up from ${from}: ${entries} of ${of} messages (${share} %) at ${rate} MB/s`;
}

function describePair({ a, b, state, by }: Status['consistency']['pairs'][number]): string {
  if (state === 'behind') return `${a} lacks ${by} of ${b}`;
  if (state === 'ahead') return `${b} lacks ${by} of ${a}`;
  if (state === 'diverged') return `${a} and ${b} lack ${by} of each other`;
  return `${a} and ${b}: ${state}`;
}
