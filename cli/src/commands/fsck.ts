import { spawn } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import type { Command } from 'commander';
import { z } from 'zod';
import { readClusterFile } from '../cluster-file.ts';
import { CommandError } from '../command-error.ts';
import { type Context, isAlive } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import type { SetExitCode } from '../program.ts';
import { dataDirOf } from '../target.ts';
import { painter } from '../terminal/paint.ts';
import { printable } from '../terminal/printable.ts';

const reportSchema = z.object({
  origins: z.array(z.object({ origin: z.string(), size: z.int(), root: z.string(), segments: z.int() })),
  problems: z.array(z.string()),
});
type Report = z.infer<typeof reportSchema>;

export function addFsck(program: Command, context: Context, setExitCode: SetExitCode): void {
  program
    .command('fsck')
    .description('Recompute every root from the stored entries and check all signatures. For stopped nodes.')
    .argument(
      '[folder]',
      "data folder of one node or of a local cluster (default: $GRAPEVINE_DATA_DIR, else data in the project's folder)",
    )
    .option('--json', 'print one JSON object per node')
    .addHelpText(
      'after',
      `
Exit codes: 0 sound · 1 damaged
Examples:
  grapevine fsck
  grapevine fsck /srv/grapevine/node-1`,
    )
    .action(async (folder: string | undefined, options: { json?: boolean }) => {
      const dataDir = dataDirOf(context, folder === undefined ? {} : { dataDir: folder });
      await requireStopped(dataDir, context);
      for (const path of await nodeFolders(dataDir)) {
        const report = await check(context, path);
        context.stdout.write(
          options.json === true ? `${JSON.stringify({ folder: path, ...report })}\n` : describe(path, report, context),
        );
        if (report.problems.length > 0) setExitCode(exitCodes.failed);
      }
    });
}

/** Nodes that run hold their folders; that is no damage. */
async function requireStopped(dataDir: string, { host }: Context): Promise<void> {
  const { processes = [] } = (await readClusterFile(dataDir)) ?? {};
  if (processes.some(({ pid }) => isAlive(host, pid))) {
    throw new CommandError(`a cluster runs from ${dataDir}; stop it first: only data at rest can be checked.`);
  }
}

/** The nodes of a local cluster, or the folder itself when it holds none: then it is meant to be a node's. */
async function nodeFolders(dataDir: string): Promise<string[]> {
  const names = await readdir(dataDir).catch((error: NodeJS.ErrnoException) => {
    throw new CommandError(`cannot read ${dataDir} (${error.code}); name the data folder of a node or a cluster.`);
  });
  const numbers = names.flatMap((name) => /^node-(\d+)$/.exec(name)?.[1] ?? []).map(Number);
  if (numbers.length === 0) return [dataDir];
  return numbers.sort((a, b) => a - b).map((number) => `${dataDir}/node-${number}`);
}

/** Runs the check in a process of its own: reading a damaged store may crash the process that reads it. */
async function check({ root, host }: Context, folder: string): Promise<Report> {
  const child = spawn(host.execPath, [`${root}/cluster-node/src/fsck-main.ts`, folder], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: host.env,
  });
  const ended = new Promise<string>((done, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => done(signal ?? `code ${code}`));
  });
  const [output, errors, ending] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  const report = parseReport(output);
  if (report !== undefined) return report;
  const words = errors.trim().split('\n').at(-1) ?? '';
  return { origins: [], problems: [`The check ended with ${ending}${words === '' ? '' : `: ${words}`}`] };
}

function parseReport(output: string): Report | undefined {
  try {
    return reportSchema.parse(JSON.parse(output));
  } catch {
    return undefined;
  }
}

function describe(folder: string, { origins, problems }: Report, { stdout }: Context): string {
  const { green, red } = painter(stdout);
  const entries = origins.reduce((sum, { size }) => sum + size, 0);
  const verdict = problems.length === 0 ? green('sound') : red('not sound');
  const lines = [
    `${folder}: ${verdict} (origins: ${origins.length}, entries: ${entries}, problems: ${problems.length})`,
  ];
  for (const { origin, size, root, segments } of origins) {
    lines.push(`  origin ${origin}  entries ${size}  segments ${segments}  root ${root}`);
  }
  for (const problem of problems) lines.push(`  ${red('✘')} ${printable(problem)}`);
  return `${lines.join('\n')}\n`;
}
