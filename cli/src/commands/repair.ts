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
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

const mutation = `mutation ($node: ID!, $origin: ID, $from: ID, $dryRun: Boolean) {
  repair(node: $node, origin: $origin, from: $from, dryRun: $dryRun) {
    node dryRun complete
    origins {
      origin state size checked damaged mended treeNodes
      left { firstSeq endSeq damage why } fork { seq own other peer }
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
    .option('--dry-run', 'only show what would be done')
    .option('--yes', 'do not ask first')
    .option('--json', 'print the whole report')
    .addHelpText(
      'after',
      `
Shows what would be done and asks before it does it. A log with two histories is never touched: which one stays is for
people to decide, and docs/operations.md says how. Needs a token with the scope cluster:admin.
Exit codes: ${exitCodes.ok} nothing is damaged any more · ${exitCodes.failed} something is left, not checked yet or forked, or you said no · ${exitCodes.unreachable} the node cannot be reached · ${exitCodes.usage} --yes is missing where nobody can be asked
Examples:
  grapevine repair node-1
  grapevine repair node-1 --from node-2 --yes
  grapevine repair node-1 --dry-run --json`,
    );
  addTargetOptions(command);
  command.action(async (node: string, options: RepairOptions) => {
    const { origin, from, dryRun = false, yes = false, json = false } = options;
    if (!dryRun && !yes && context.stdin.isTTY !== true) {
      throw new CommandError(
        'nobody can be asked here, since standard input is no terminal; add --yes to repair, or --dry-run to only look.',
        exitCodes.usage,
      );
    }
    const client = new GatewayClient(await findTarget(context, options));
    const call = async (isDry: boolean): Promise<RepairReport> => {
      const answerSchema = z.object({ repair: repairReportSchema });
      return (await client.graphql(answerSchema, mutation, { node, origin, from, dryRun: isDry })).repair;
    };
    const print = (report: RepairReport): void => {
      context.stdout.write(`${json ? JSON.stringify(report) : describe(report, context)}\n`);
      setExitCode(isWhole(report) ? exitCodes.ok : exitCodes.failed);
    };
    if (yes || dryRun) return print(await call(dryRun));
    const plan = await call(true);
    if (isWhole(plan) || (plan.complete && !plan.origins.some(({ state }) => state === 'damaged'))) return print(plan);
    context.stderr.write(`${describe(plan, context)}\n\n`);
    if (!(await confirm(context, `Mend ${node} now?`))) throw new CommandError('nothing was changed.');
    print(await call(false));
  });
}

function isWhole({ origins, complete }: RepairReport): boolean {
  return complete && origins.every(({ state }) => state === 'sound' || state === 'mended');
}

function describe(report: RepairReport, { stdout }: Context): string {
  const { origins, complete } = report;
  const { green, yellow, red } = painter(stdout);
  const isDamaged = origins.some(({ state }) => state === 'damaged' || state === 'forked');
  const colour = isDamaged ? red : complete ? green : yellow;
  const rows = origins
    .filter(({ state }) => state !== 'sound')
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
    colour(sentence(report)),
    ...(rows.length === 0 ? [] : ['', table([header, ...rows], stdout.columns)]),
    ...origins.flatMap(describeLeft),
    ...origins.flatMap(describeFork),
    ...(complete ? [] : ['', unfinished(report)]),
  ].join('\n');
}

function sentence({ node, dryRun, origins, complete }: RepairReport): string {
  const sum = (of: (origin: OriginRepair) => number): number => origins.reduce((total, one) => total + of(one), 0);
  const [damaged, mended, nodes] = [sum((one) => one.damaged), sum((one) => one.mended), sum((one) => one.treeNodes)];
  const forked = origins.filter(({ state }) => state === 'forked').length;
  const parts = [
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

function describeFork({ origin, fork }: OriginRepair): string[] {
  if (fork === null) return [];
  const { seq, own, other, peer } = fork;
  return [
    '',
    `${origin} has two signed histories from entry ${seq} on:`,
    `  here  ${own}`,
    `  ${peer}  ${other}`,
    'Decide which one stays. Stop each node that has the other one, copy its folder to a safe place, empty it and start the',
    'node: it copies the history that stays. docs/operations.md, "Two histories of one log", says more.',
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
