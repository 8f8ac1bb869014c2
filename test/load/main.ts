/** `npm run load`: puts load on a cluster, and reports what its clients saw and whether it kept its promises. */
import { access, constants, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { makeFolder } from '@grapevine/shared/make-folder.ts';
import { systemRandom } from '@grapevine/shared/random.ts';
import { ProgressLine } from '../sim/command/progress.ts';
import { help, type LoadOptions, readOptions } from './options.ts';
import { reportPage } from './report/report-page.ts';
import { summary } from './report/summary.ts';
import { runLoad } from './run-load.ts';
import { runningTarget, startOwnTarget, type Target } from './target.ts';

const root = resolve(import.meta.dirname, '../..');
const interruptedCode = 130;

/** Ctrl-C ends the load and goes on to the report; a second one ends that, too. */
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  // Those of the end-to-end tests, whose clusters are used here, end at once.
  process.removeAllListeners(signal);
  process.on(signal, () => {
    if (stop.signal.aborted) process.exit(interruptedCode);
    stop.abort();
    say('no more requests; waiting for the last answers (again to end without a report)');
  });
}

const progress = new ProgressLine(process.stderr, () => performance.now());
const say = (line: string): void => {
  progress.clear();
  process.stderr.write(`${line}\n`);
};

try {
  const options = readOptions(process.argv.slice(2), process.env);
  if (options === undefined) process.stdout.write(help);
  else process.exitCode = await load(options);
} catch (error) {
  say(`load: ${(error as Error).message}`);
  process.exitCode = 2;
}

async function load(options: LoadOptions): Promise<number> {
  await using resources = new AsyncDisposableStack();
  const folder = options.out ?? root;
  // Before the load: after hours of it there would be nowhere to write the report.
  makeFolder(folder);
  await access(folder, constants.W_OK);
  const target = (await targetOf(options)) ?? resources.use(await startOwn(options));
  say(`load on ${target.description}`);
  const report = await runLoad(
    { options, target, random: systemRandom, onProgress: (line) => progress.show(line), onEvent: say },
    stop.signal,
  );
  progress.clear();
  process.stdout.write(`${summary(report)}\n`);
  await writeFile(join(folder, 'load-report.json'), `${JSON.stringify(report, undefined, 2)}\n`);
  await writeFile(join(folder, 'load-report.html'), reportPage(report));
  process.stdout.write(`Written to ${join(folder, 'load-report.html')} and .json.\n`);
  if (report.interrupted) return interruptedCode;
  return report.passed ? 0 : 1;
}

/** The cluster that was named, or the one that runs here; undefined when one has to be started. */
async function targetOf({ target, chaos }: LoadOptions): Promise<Target | undefined> {
  if (target !== undefined) {
    const { url, token } = target;
    return { url, tokens: { web: token, mobile: token, operator: token }, description: url };
  }
  return chaos.length > 0 ? undefined : await runningTarget(join(root, 'data'));
}

function startOwn({ chaos }: LoadOptions) {
  say('starting a cluster for this run');
  return startOwnTarget(chaos.includes('drop'));
}
