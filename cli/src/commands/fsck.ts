import { spawn } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
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

/** What a rebuild prints now and then: entries that are dealt with, and all. */
const progressSchema = z.object({ rebuilt: z.int(), entries: z.int() });

export function addFsck(program: Command, context: Context, setExitCode: SetExitCode): void {
  program
    .command('fsck')
    .description('Recompute every root from the stored entries and check all signatures. For stopped nodes.')
    .argument(
      '[folder]',
      "data folder of one node or of a local cluster (default: $GRAPEVINE_DATA_DIR, else data in the project's folder)",
    )
    .option(
      '--rebuild',
      'first make trees and views anew from the stored entries; the database is replaced when the new one is complete',
    )
    .option('--json', 'print one JSON object per node')
    .addHelpText(
      'after',
      `
Exit codes: 0 sound · 1 damaged
With --rebuild, they say what is so afterwards. It may be stopped at any moment and started again, and needs as much free
room on the disk as the data takes. Entries that are damaged themselves are put into quarantine: the node fetches them
from its peers.
Examples:
  grapevine fsck
  grapevine fsck /srv/grapevine/node-1
  grapevine fsck --rebuild /srv/grapevine/node-1`,
    )
    .action(async (folder: string | undefined, options: { json?: boolean; rebuild?: boolean }) => {
      const dataDir = dataDirOf(context, folder === undefined ? {} : { dataDir: folder });
      await requireStopped(dataDir, context);
      for (const path of await nodeFolders(dataDir)) {
        const report = await check(context, path, options.rebuild === true);
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
async function check(context: Context, folder: string, isRebuild: boolean): Promise<Report> {
  const { root, host } = context;
  const flags = isRebuild ? ['--rebuild'] : [];
  const child = spawn(host.execPath, [`${root}/cluster-node/src/fsck-main.ts`, folder, ...flags], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: host.env,
  });
  const ended = new Promise<string>((done, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => done(signal ?? `code ${code}`));
  });
  const reported = readReport(child.stdout, rebuildProgress(folder, context));
  const [report, errors, ending] = await Promise.all([reported, text(child.stderr), ended]);
  if (isRebuild && context.stderr.columns !== undefined) context.stderr.write('\n');
  if (report !== undefined) return report;
  const words = errors.trim().split('\n').at(-1) ?? '';
  return { origins: [], problems: [`The check ended with ${ending}${words === '' ? '' : `: ${words}`}`] };
}

/** What of the lines is a report; undefined when none is. Those before it that tell of progress go to `onProgress`. */
async function readReport(
  output: Readable,
  onProgress: (rebuilt: number, entries: number) => void,
): Promise<Report | undefined> {
  let report: Report | undefined;
  for await (const line of createInterface({ input: output })) {
    const value = parseJson(line);
    const progress = progressSchema.safeParse(value);
    if (progress.success) onProgress(progress.data.rebuilt, progress.data.entries);
    else report = reportSchema.safeParse(value).data;
  }
  return report;
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

/** Tells on stderr how far a rebuild is: on a terminal in one line that changes, else when it begins and when it is done. */
function rebuildProgress(folder: string, { stderr }: Context): (rebuilt: number, entries: number) => void {
  return (rebuilt, entries) => {
    const words = `${folder}: rebuilding, ${rebuilt} of ${entries} entries`;
    if (stderr.columns !== undefined) stderr.write(`\r${words.slice(0, stderr.columns - 1)}`);
    else if (rebuilt === 0 || rebuilt === entries) stderr.write(`${words}\n`);
  };
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
