import { comparisonSchema, originComparisonSchema } from '@grapevine/shared/contracts/node-api.ts';
import type { Command } from 'commander';
import { z } from 'zod';
import type { Context } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { GatewayClient } from '../gateway-client.ts';
import type { SetExitCode } from '../program.ts';
import { addTargetOptions, findTarget, type TargetOptions } from '../target.ts';
import { painter } from '../terminal/paint.ts';
import { table } from '../terminal/table.ts';

interface CompareOptions extends TargetOptions {
  readonly json?: boolean;
}

/** GraphQL says null where the node's API leaves out. */
const shownSchema = comparisonSchema.extend({
  origins: z.array(originComparisonSchema.extend({ fork: originComparisonSchema.shape.fork.nullable() })),
});
type Shown = z.infer<typeof shownSchema>;

const query = `query ($a: ID!, $b: ID!) {
  cluster { compare(a: $a, b: $b) { a b verdict behindBy aheadBy origins { origin state sizeA sizeB by fork { seq a b } } } }
}`;

export function addCompare(program: Command, context: Context, setExitCode: SetExitCode): void {
  const command = program
    .command('compare')
    .description('Compare two nodes, log by log.')
    .argument('<a>', 'name of a node, such as node-1')
    .argument('<b>')
    .option('--json', 'print the whole comparison')
    .addHelpText(
      'after',
      '\nExit codes: 0 no contradiction · 1 forked · 2 one cannot be reached\nExample:\n  grapevine compare node-1 node-2',
    );
  addTargetOptions(command);
  command.action(async (a: string, b: string, options: CompareOptions) => {
    const client = new GatewayClient(await findTarget(context, options));
    const answerSchema = z.object({ cluster: z.object({ compare: shownSchema }) });
    const { compare } = (await client.graphql(answerSchema, query, { a, b })).cluster;
    const { stdout } = context;
    stdout.write(`${options.json === true ? JSON.stringify(compare) : describe(compare, context)}\n`);
    setExitCode(compare.verdict === 'forked' ? exitCodes.failed : exitCodes.ok);
  });
}

function describe(comparison: Shown, { stdout }: Context): string {
  const { a, b, verdict, origins } = comparison;
  const { green, yellow, red } = painter(stdout);
  const colour = verdict === 'equal' ? green : verdict === 'forked' ? red : yellow;
  const rows = origins.map(({ origin, state, sizeA, sizeB, by }) => [
    origin,
    state,
    String(sizeA),
    String(sizeB),
    by === 0 ? '' : String(by),
  ]);
  const forks = origins.flatMap(({ origin, fork }) => (fork == null ? [] : describeFork(origin, fork, a, b)));
  return [
    colour(sentence(comparison)),
    '',
    table([['origin', 'state', a, b, 'by'], ...rows], stdout.columns),
    ...(forks.length === 0 ? [] : ['', ...forks]),
  ].join('\n');
}

function describeFork(
  origin: string,
  fork: NonNullable<Shown['origins'][number]['fork']>,
  a: string,
  b: string,
): string[] {
  return [`${origin} differs from entry ${fork.seq} on:`, `  ${a} has ${fork.a}`, `  ${b} has ${fork.b}`];
}

function sentence({
  a,
  b,
  verdict,
  behindBy,
  aheadBy,
}: Pick<Shown, 'a' | 'b' | 'verdict' | 'behindBy' | 'aheadBy'>): string {
  switch (verdict) {
    case 'equal':
      return `equal: ${a} and ${b} hold the same`;
    case 'behind':
      return `behind: ${a} lacks ${behindBy} messages of ${b}`;
    case 'ahead':
      return `ahead: ${b} lacks ${aheadBy} messages of ${a}`;
    case 'diverged':
      return `diverged: ${a} lacks ${behindBy} messages of ${b}, which lacks ${aheadBy} of ${a}`;
    case 'forked':
      return `forked: ${a} and ${b} contradict each other`;
  }
}
