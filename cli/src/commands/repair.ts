import { type OriginRepair, type RepairReport, repairReportSchema } from '@grapevine/shared/contracts/repair.ts';
import type { Command } from 'commander';
import { z } from 'zod';
import { CommandError } from '../command-error.ts';
import type { Context } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { GatewayClient } from '../gateway-client.ts';
import type { SetExitCode } from '../program.ts';
import { addTargetOptions, findTarget, type TargetOptions } from '../target.ts';
import { confirm } from '../terminal/confirm.ts';
import { painter } from '../terminal/paint.ts';
import { printable } from '../terminal/printable.ts';
import { table } from '../terminal/table.ts';

interface RepairOptions extends TargetOptions {
  readonly origin?: string;
  readonly from?: string;
  readonly adopt?: string;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

const mutation = `mutation ($node: ID!, $origin: ID, $from: ID, $adopt: ID, $dryRun: Boolean) {
  repair(node: $node, origin: $origin, from: $from, adopt: $adopt, dryRun: $dryRun) {
    node dryRun complete
    origins {
      origin state size checked damaged mended treeNodes
      left { firstSeq endSeq damage why } fork { seq own other peer }
      setAside { peer folder firstSeq endSeq messages { seq id topic author } }
    }
  }
}`;

export function addRepair(program: Command, context: Context, setExitCode: SetExitCode): void {
  const command = program
    .command('repair')
    .description('Have a running node check what it stores and mend what is damaged from its peers, now.')
    .argument('<node>', 'name of a node, such as node-1')
    .option('--origin <origin>', 'only the log of this origin')
    .option('--from <node>', 'take copies from this node only')
    .option('--adopt <node>', 'end forks: set this history of forked logs aside and take that of this node')
    .option('--dry-run', 'only show what would be done')
    .option('--yes', 'do not ask first')
    .option('--json', 'print the whole report')
    .addHelpText(
      'after',
      `
Shows what would be done and asks before it does it. Logs and their trees are checked; topics and indexes are put right
by the check that runs all the time. A log with two histories is not touched: which one stays is for
people to decide. --adopt says it: of such logs, and of no others, what <node> has is kept in a folder of its own and the
other node's history takes its place. docs/operations.md, "Two histories of one log", says more. Needs a token with the scope cluster:admin.
Exit codes: ${exitCodes.ok} nothing is damaged any more · ${exitCodes.failed} something is left, not checked yet or forked, or you said no · ${exitCodes.unreachable} the node cannot be reached · ${exitCodes.usage} --yes is missing where nobody can be asked
Examples:
  grapevine repair node-1
  grapevine repair node-1 --from node-2 --yes
  grapevine repair node-1 --dry-run --json
  grapevine repair node-1 --adopt node-2`,
    );
  addTargetOptions(command);
  command.action(async (node: string, options: RepairOptions) => {
    const { origin, from, adopt, dryRun = false, yes = false, json = false } = options;
    if (!dryRun && !yes && context.stdin.isTTY !== true) {
      throw new CommandError(
        'nobody can be asked here, since standard input is no terminal; add --yes to repair, or --dry-run to only look.',
        exitCodes.usage,
      );
    }
    const client = new GatewayClient(await findTarget(context, options));
    const call = async (isDry: boolean): Promise<RepairReport> => {
      const answerSchema = z.object({ repair: repairReportSchema });
      return (await client.graphql(answerSchema, mutation, { node, origin, from, adopt, dryRun: isDry })).repair;
    };
    const print = (report: RepairReport): void => {
      context.stdout.write(`${json ? JSON.stringify(report) : describe(report, adopt, context)}\n`);
      setExitCode(isWhole(report) ? exitCodes.ok : exitCodes.failed);
    };
    if (yes || dryRun) return print(await call(dryRun));
    const plan = await call(true);
    const toDo = adopt === undefined ? 'damaged' : 'forked';
    if (isWhole(plan) || (plan.complete && !plan.origins.some(({ state }) => state === toDo))) return print(plan);
    context.stderr.write(`${describe(plan, adopt, context)}\n\n`);
    const question = adopt === undefined ? `Mend ${node} now?` : `Have ${node} adopt what ${adopt} has now?`;
    if (!(await confirm(context, question))) throw new CommandError('nothing was changed.');
    print(await call(false));
  });
}

const wholeStates: ReadonlySet<OriginRepair['state']> = new Set(['sound', 'mended', 'adopted']);

function isWhole({ origins, complete }: RepairReport): boolean {
  return complete && origins.every(({ state }) => wholeStates.has(state));
}

function describe(report: RepairReport, adopt: string | undefined, { stdout }: Context): string {
  const { origins, complete } = report;
  const { green, yellow, red } = painter(stdout);
  const isDamaged = origins.some(({ state }) => state === 'damaged' || state === 'forked');
  const colour = isDamaged ? red : complete ? green : yellow;
  const rows = origins
    .filter(({ state }) => state !== 'sound' && state !== 'adopted')
    .map(({ origin, state, checked, size, damaged, mended, treeNodes }) => [
      origin,
      state,
      `${checked} of ${size}`,
      String(damaged),
      String(mended),
      String(treeNodes),
    ]);
  const header = ['origin', 'state', 'checked', 'damaged', 'mended', 'tree nodes'];
  return [
    colour(adopt === undefined || origins.length > 0 ? sentence(report) : nothingForked(report, adopt)),
    ...(rows.length === 0 ? [] : ['', table([header, ...rows], stdout.columns)]),
    ...origins.flatMap(describeLeft),
    ...origins.flatMap((one) => describeFork(one, report.node)),
    ...origins.flatMap((one) => describeSetAside(one, report.node)),
    ...(complete ? [] : ['', unfinished(report)]),
  ].join('\n');
}

function sentence({ node, dryRun, origins, complete }: RepairReport): string {
  const sum = (of: (origin: OriginRepair) => number): number => origins.reduce((total, one) => total + of(one), 0);
  const [damaged, mended, nodes] = [sum((one) => one.damaged), sum((one) => one.mended), sum((one) => one.treeNodes)];
  const inState = (wanted: OriginRepair['state']): number => origins.filter(({ state }) => state === wanted).length;
  const [forked, adopted] = [inState('forked'), inState('adopted')];
  const parts = [
    ...(adopted === 0
      ? []
      : [adopted === 1 ? '1 log has another history now' : `${adopted} logs have another history now`]),
    ...(forked === 0 ? [] : [`${logs(forked)} forked and not touched`]),
    ...(damaged === 0
      ? []
      : [dryRun ? `${stretches(damaged)} would be mended` : `${mended} of ${stretches(damaged)} mended`]),
    ...(nodes === 0 ? [] : [dryRun ? `${nodes} tree nodes would be put right` : `${nodes} tree nodes put right`]),
  ];
  if (parts.length > 0) return `${node}: ${parts.join(', ')}`;
  return complete ? `${node}: nothing is damaged` : `${node}: nothing damaged so far`;
}

function describeLeft({ origin, left, damaged, mended }: OriginRepair): string[] {
  if (left.length === 0) return [];
  const hidden = damaged - mended - left.length;
  return [
    '',
    `${origin}:`,
    ...left.map(
      ({ firstSeq, endSeq, damage, why }) =>
        `  ${entries(firstSeq, endSeq - 1)}: ${printable(damage)} ${printable(why)}`,
    ),
    ...(hidden > 0 ? [`  and ${hidden} more`] : []),
  ];
}

function nothingForked({ node, complete }: RepairReport, adopt: string): string {
  return complete ? `${node}: no log has another history at ${adopt}` : `${node}: ${adopt} has not answered yet`;
}

function describeFork({ origin, state, fork }: OriginRepair, node: string): string[] {
  if (fork === null || state === 'adopted') return [];
  const { seq, own, other, peer } = fork;
  return [
    '',
    `${origin} has two signed histories from entry ${seq} on:`,
    `  here  ${own}`,
    `  ${peer}  ${other}`,
    'Decide which one stays. If it is the one here, have each node adopt it that has the other one. If it is the other one:',
    `  grapevine repair ${node} --adopt ${peer}`,
    'keeps what is here in a folder of its own and takes that. docs/operations.md, "Two histories of one log", says more.',
  ];
}

function describeSetAside({ origin, setAside }: OriginRepair, node: string): string[] {
  if (setAside === null) return [];
  const { peer, folder, firstSeq, endSeq, messages } = setAside;
  const hidden = endSeq - firstSeq - messages.length;
  return [
    '',
    `${origin} is what ${peer} has. ${node} had other ${entries(firstSeq, endSeq - 1)}; kept in its data folder, in ${printable(folder)}:`,
    ...messages.map(({ seq, id, topic, author }) => `  ${seq}  ${id}  ${topic}  ${printable(author)}`),
    ...(hidden > 0 ? [`  and ${hidden} more`] : []),
  ];
}

function unfinished({ dryRun, node }: RepairReport): string {
  return dryRun
    ? 'There was not enough time to look at everything; a repair takes as long as it needs.'
    : `There is more to check than one answer waits for. The repair goes on; \`grapevine status\` shows what ${node} has in quarantine.`;
}

function entries(first: number, last: number): string {
  return first === last ? `entry ${first}` : `entries ${first} to ${last}`;
}

function logs(count: number): string {
  return count === 1 ? '1 log is' : `${count} logs are`;
}

function stretches(count: number): string {
  return count === 1 ? '1 damaged stretch' : `${count} damaged stretches`;
}
