import { spawn } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Command } from 'commander';
import { z } from 'zod';
import { CommandError } from '../command-error.ts';
import type { Context } from '../context.ts';
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
    .argument('[folder]', 'data folder of one node (default: every node of the local cluster)')
    .option('--json', 'print one JSON object per folder')
    .addHelpText(
      'after',
      '\nExit codes: 0 sound · 1 damaged\nExamples:\n  grapevine fsck\n  grapevine fsck /srv/grapevine/node-1',
    )
    .action(async (folder: string | undefined, options: { json?: boolean }) => {
      const folders = folder === undefined ? await nodeFolders(context) : [resolve(context.host.cwd(), folder)];
      for (const path of folders) {
        const report = await check(context, path);
        context.stdout.write(
          options.json === true ? `${JSON.stringify({ folder: path, ...report })}\n` : describe(path, report, context),
        );
        if (report.problems.length > 0) setExitCode(exitCodes.failed);
      }
    });
}

async function nodeFolders(context: Context): Promise<string[]> {
  const dataDir = dataDirOf(context, {});
  const names = await readdir(dataDir).catch(() => []);
  const nodes = names.filter((name) => /^node-\d+$/.test(name)).sort((a, b) => Number(a.slice(5)) - Number(b.slice(5)));
  if (nodes.length === 0) throw new CommandError(`there is no node in ${dataDir}; name a node's data folder.`);
  return nodes.map((name) => `${dataDir}/${name}`);
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
  const verdict = problems.length === 0 ? green('sound') : red(`damaged, ${problems.length} problems`);
  const lines = [`${folder}: ${verdict} (${entries} entries of ${origins.length} origins)`];
  for (const { origin, size, root, segments } of origins) {
    lines.push(`  origin ${origin}  ${size} entries  ${segments} segments  root ${root}`);
  }
  for (const problem of problems) lines.push(`  ${red('✘')} ${printable(problem)}`);
  return `${lines.join('\n')}\n`;
}
