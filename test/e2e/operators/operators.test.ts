import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { systemRandom } from '@grapevine/shared/random.ts';
import { exposedLabels } from '../../deploy/exposition.ts';
import { alertExpressions, dashboardExpressions, unknownNames } from '../../deploy/expressions.ts';
import { metricsPage } from '../../docs/metrics-page.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import { runLoad } from '../../load/run-load.ts';
import { type OwnTarget, startOwnTarget } from '../../load/target.ts';
import { root } from '../../runner/test-files.ts';
import { fairWeather } from '../chaos/proxy-network.ts';
import { MobileClient, request } from '../clients.ts';
import { grapevine } from '../command.ts';
import { startBrowser } from '../console/browser.ts';
import { ConsolePage } from '../console/console-page.ts';
import { scrape } from '../metrics.ts';
import { nodeApis, untilRootsEqual } from '../node-api.ts';
import { until } from '../until.ts';

const command = resolve(import.meta.dirname, '../../load/main.ts');

const resources = new AsyncDisposableStack();
after(() => resources.disposeAsync());
let target: OwnTarget;
let out: string;

before(async () => {
  out = resources.use(await temporaryFolder()).path;
  target = resources.use(await startOwnTarget(true));
});

/** Runs the command against the cluster, as somebody who has nothing but its URL and a token. */
function spawnLoad(...args: readonly string[]) {
  const { url, tokens } = target;
  const child = spawn(process.execPath, [command, '--target', url, '--out', out, ...args], {
    env: { ...process.env, GRAPEVINE_TOKEN: tokens.operator },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<number | null>((done) => child.once('close', (code) => done(code)));
  return { child, ended };
}

async function writtenReport(): Promise<{
  checks: { passed: boolean }[];
  thresholds: { met: boolean }[];
  interrupted: boolean;
}> {
  return JSON.parse(await readFile(join(out, 'load-report.json'), 'utf8'));
}

test('a mixed load while a node is killed: what was acknowledged is there, once, and the report says what was done', async () => {
  const options = {
    scenario: 'mixed',
    loop: { kind: 'open', rate: 40 },
    seconds: 5,
    chaos: ['kill'],
    maxP99Ms: undefined,
    // How many requests a busy machine fails is not what is tested.
    maxErrorRate: 1,
  } as const;
  const quiet = { onProgress: () => {}, onEvent: () => {} };
  const report = await runLoad({ options, target, random: systemRandom, ...quiet }, new AbortController().signal);
  for (const { name, passed, found } of report.checks) assert.equal(passed, true, `${name}: ${found}`);
  assert.equal(report.passed, true);
  assert.match(report.faults[0]?.what ?? '', /^node-/);
  assert.ok(report.requests.some(({ name, succeeded }) => name === 'mobile publish' && succeeded > 0));
  assert.ok(report.requests.some(({ name, succeeded }) => name === 'web page' && succeeded > 0));
  assert.ok(report.convergence.some(({ ms }) => ms !== null));
  const inSlices = report.slices.reduce((sum, { succeeded }) => sum + succeeded, 0);
  assert.equal(inSlices, report.succeeded);
});

test('what alerts, dashboard and docs say of metrics is what the processes expose', async () => {
  const { cluster } = target;
  // What happens seldom has no series before it has happened.
  assert.equal((await request(`${target.url}/mobile/v1/topics`)).status, 401);
  // The node itself, not the proxy in front of it.
  const port = (await cluster.process('node-1')).udp?.split(':')[1];
  const socket = createSocket('udp4');
  const texts = await until('the node has counted what it dropped', async () => {
    // Datagrams may get lost.
    socket.send('no datagram of ours', Number(port), '127.0.0.1');
    const scraped = await scrape(cluster);
    return scraped.get('node-1')?.includes('grapevine_datagrams_dropped_total{') === true && scraped;
  }).finally(() => socket.close());
  const exposed = exposedLabels([...texts.values()]);
  const expressions = [...alertExpressions(), ...dashboardExpressions()];
  const unknown = expressions.flatMap((one) => unknownNames(one, exposed).map((name) => `${one.place}: ${name}`));
  assert.deepEqual(unknown, []);
  const written = await readFile(join(root, 'docs/metrics.md'), 'utf8');
  assert.ok(written === metricsPage(texts), 'docs/metrics.md is out of date; run: node test/docs/main.ts');
});

test('a threshold that is missed ends the command with 1, whatever else is well', async () => {
  const { child, ended } = spawnLoad(
    '--duration',
    '1s',
    '--connections',
    '2',
    '--max-p99',
    '0.001',
    '--max-error-rate',
    '1',
  );
  const [printed, code] = await Promise.all([text(child.stdout), ended]);
  assert.equal(code, 1, printed);
  assert.match(printed, /^✘ p99 in milliseconds: /m);
  const { checks, thresholds } = await writtenReport();
  assert.deepEqual(
    checks.map(({ passed }) => passed),
    [true, true, true],
  );
  assert.deepEqual(
    thresholds.map(({ met }) => met),
    [true, false],
  );
  assert.match(await readFile(join(out, 'load-report.html'), 'utf8'), /<svg/);
});

test('Ctrl-C ends the load, and what was seen until then is checked and reported', async () => {
  const { child, ended } = spawnLoad('--duration', '10m', '--rate', '50');
  const messages: string[] = [];
  child.stderr.on('data', (chunk: Buffer) => messages.push(chunk.toString()));
  await until('the load is on', () => messages.join('').includes('load on '), 60_000);
  child.kill('SIGINT');
  const [printed, code] = await Promise.all([text(child.stdout), ended]);
  assert.equal(code, 130, `${printed}${messages.join('')}`);
  const { checks, interrupted } = await writtenReport();
  assert.equal(interrupted, true);
  assert.ok(checks.every(({ passed }) => passed));
});

test('status and the console say who lacks what while no datagram arrives, which is no failure, and that all is well afterwards', async () => {
  const { cluster, network } = target;
  assert.ok(network !== undefined);
  const status = () => grapevine('status', '--data-dir', cluster.dataDir);
  await using browser = await startBrowser();
  const screen = await ConsolePage.open(browser, cluster);
  await screen.untilVerdict('equal', 'All replicas agree');
  network.weather = { ...fairWeather, loss: 1 };
  await new MobileClient(target.url, target.tokens.mobile).publish({ topic: 'status', body: 'at one node alone' });
  const behind = await until('some are behind', async () => {
    const now = await status();
    return now.stdout.startsWith('behind: ') && now;
  });
  assert.equal(behind.ending, 0);
  assert.match(behind.stdout, /^node-\d lacks 1 of node-\d$/m);
  await screen.untilVerdict('behind', 'behind');
  await screen.page.getByText('By 1 message at most.').waitFor();
  await screen.picture('behind');
  network.weather = fairWeather;
  await screen.untilVerdict('equal', 'All replicas agree');
  await untilRootsEqual(nodeApis(cluster), 60_000);
  const equal = await status();
  assert.deepEqual([equal.ending, equal.stdout.split(':')[0]], [0, 'equal']);
});
