/** The console in a real browser before one real cluster, through all that can happen to it. The tests build on each other. */
import assert from 'node:assert/strict';
import { cp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { after, before, test } from 'node:test';
import type { PublishResponse } from '@grapevine/shared/contracts/node-api.ts';
import type { Browser } from 'playwright-core';
import { WebClient } from '../clients.ts';
import { type Cluster, randomBasePort, startCluster, stopCluster, temporaryFolder } from '../cluster.ts';
import { nodeApis, untilRootsEqual } from '../node-api.ts';
import { NodeFamily } from '../node-process.ts';
import { until } from '../until.ts';
import { startBrowser } from './browser.ts';
import { ConsolePage } from './console-page.ts';

const resources = new AsyncDisposableStack();
after(() => resources.disposeAsync());

/** Comparisons several times a second instead of every half minute, so that a fork is soon found and soon over. */
const environment = { GRAPEVINE_NODE__SCRUB__COMPARE_MS: '300' };
const hostile = [
  '<img src=x onerror="window.harmed = true">',
  '</pre></script><script>window.harmed = true</script>',
  '{{constructor.constructor("window.harmed = true")()}}',
  'harmless \u202etxt.exe \u0000 \u200b end',
];

let dataDir: string;
let browser: Browser;
let cluster: Cluster;
let screen: ConsolePage;
let published: PublishResponse;

async function start(): Promise<Cluster> {
  return resources.adopt(await startCluster({ dataDir, environment }), stopCluster);
}

const first = () => nodeApis(cluster)[0] ?? assert.fail();
const publish = (...bodies: readonly string[]) =>
  first().publish({ messages: bodies.map((body) => ({ topic: 'console', body })) });

/** Starts node-1 from its backup where the others do not see it, as after a restore behind a partition; answers its folder. */
async function restoreAndWriteAlone(body: string): Promise<string> {
  const family = resources.use(
    await NodeFamily.create({ dataDir: join(dataDir, 'alone'), basePort: randomBasePort() }),
  );
  await rename(join(dataDir, 'backup'), family.folder(1));
  const alone = await family.start(1, { GRAPEVINE_NODE__SEEDS: '[]' });
  await alone.api.publish({ messages: [{ topic: 'console', body }] });
  await alone.end('SIGTERM');
  return family.folder(1);
}

before(async () => {
  ({ path: dataDir } = resources.use(await temporaryFolder()));
  browser = resources.adopt(await startBrowser(), (one) => one.close());
  cluster = await start();
  published = await publish('one', 'two');
  await untilRootsEqual(nodeApis(cluster));
  screen = await ConsolePage.open(browser, cluster);
});

test('a cluster that agrees is green, and says since when', async () => {
  await screen.untilVerdict('equal', 'All replicas agree');
  assert.doesNotMatch(screen.page.url(), /token/);
  await screen.page.locator('.matrix .state[data-tone="equal"]').nth(5).waitFor();
  await screen.page.locator('.connection[data-connection="live"]').waitFor();
  await screen.page.locator('.breakers .badge').first().waitFor();
  await screen.picture('agree');
  await screen.page.emulateMedia({ colorScheme: 'dark' });
  await screen.picture('agree-dark');
  await screen.page.emulateMedia({ colorScheme: 'light' });
  await screen.page.setViewportSize({ width: 360, height: 740 });
  await screen.picture('agree-phone');
  await screen.page.setViewportSize({ width: 1_360, height: 900 });
});

test('a token that is no good leads to the question for one, and says why', async () => {
  const stranger = await ConsolePage.open(browser, cluster, 'nonsense');
  await stranger.page.locator('.problem').waitFor();
  await stranger.picture('sign-in');
  await stranger.page.getByLabel('Operator’s token').fill(cluster.tokens.operator);
  await stranger.page.getByRole('button', { name: 'Show the cluster' }).click();
  await stranger.untilVerdict('equal', 'All replicas agree');
  await stranger.page.close();
});

test('a test message is seen to arrive at every node, and what strangers write stays text', async () => {
  await screen.go('#/topics/console');
  await screen.page.getByText('Watched on 3 of 3 nodes').waitFor();
  for (const body of hostile) {
    await screen.page.getByLabel('Test message').fill(body);
    await screen.page.getByRole('button', { name: 'Publish' }).click();
    await screen.page
      .locator('.messages pre', { hasText: body.slice(0, 8) })
      .first()
      .waitFor();
  }
  await screen.page.locator('.arrivals [data-tone="waiting"]').first().waitFor({ state: 'detached' });
  assert.equal(await screen.page.locator('.arrivals li').count(), 3);
  assert.match((await screen.page.locator('.arrivals').textContent()) ?? '', /first/);
  await screen.page.locator('.messages pre', { hasText: '⟨U+202E⟩txt.exe ⟨U+0000⟩ ⟨U+200B⟩ end' }).waitFor();
  assert.equal(await screen.page.evaluate('window.harmed'), undefined);
  assert.equal(await screen.page.locator('.messages img, .messages script').count(), 0);
  await screen.picture('topic');
  await screen.page.setViewportSize({ width: 360, height: 740 });
  await screen.picture('topic-phone');
  await screen.page.setViewportSize({ width: 1_360, height: 900 });
});

test('a message comes with its proof, which the browser checks', async () => {
  const id = published.results[1]?.id ?? assert.fail();
  await screen.go(`#/messages/${id}`);
  await screen.page.locator('.outcome[data-tone="equal"]').waitFor();
  assert.match((await screen.page.locator('.outcome').textContent()) ?? '', /^Proven in this browser: it is entry 1 /);
  assert.ok((await screen.page.locator('.proof .given').count()) > 0);
  await screen.picture('message');
  await screen.go('#/nodes/node-2');
  await screen.page.getByRole('heading', { name: /^node-2/ }).waitFor();
  await screen.page.locator('.rows tbody tr').first().waitFor();
  await screen.picture('node');
});

test('a node that hangs is named, and the verdict is green again when it goes on', async () => {
  await screen.go('#/');
  await screen.untilVerdict('equal', 'All replicas agree');
  const { pid } = await cluster.process('node-1');
  process.kill(pid, 'SIGSTOP');
  try {
    await screen.untilVerdict('unreachable', 'node-1 is unreachable');
    await screen.picture('unreachable');
    await screen.page.setViewportSize({ width: 360, height: 740 });
    const [content, width] = await screen.page.evaluate<[number, number]>(
      '(({ scrollWidth, clientWidth }) => [scrollWidth, clientWidth])(document.querySelector(".scroll"))',
    );
    assert.ok(content <= width, `the matrix of three nodes has ${content} px in ${width} px`);
    await screen.page.setViewportSize({ width: 1_360, height: 900 });
    // Nothing is written now: this is what a crash would leave, and the backup that a fork is made of below.
    await cp(join(dataDir, 'node-1'), join(dataDir, 'backup'), { recursive: true });
    const web = new WebClient(cluster.gateway, cluster.tokens.web);
    await web.publish({ topic: 'console', body: 'while one was away', idempotencyKey: 'away' });
  } finally {
    process.kill(pid, 'SIGCONT');
  }
  await screen.untilVerdict('equal', 'All replicas agree');
});

test('the page says that the connection is lost, and goes on when the BFF is back', async () => {
  const { pid } = await cluster.process('bff-web');
  process.kill(pid, 'SIGKILL');
  await screen.page.locator('.connection[data-connection="lost"]').waitFor();
  await screen.page.locator('.connection[data-connection="live"]').waitFor();
  await screen.untilVerdict('equal', 'All replicas agree');
  assert.deepEqual(screen.complaints, []);
});

test('a fork is red, leads to the first entry that differs and both signatures, and ends when the operator says how', async () => {
  const oldOrigin = (await first().root()).origin;
  await publish('three');
  const other = await restoreAndWriteAlone('another three');
  await untilRootsEqual(nodeApis(cluster));
  await cluster.stop();
  await rm(join(dataDir, 'node-1'), { recursive: true });
  await rename(other, join(dataDir, 'node-1'));
  cluster = await start();
  await until('node-1 goes on under another origin', async () => (await first().root()).origin !== oldOrigin, 60_000);
  screen = await ConsolePage.open(browser, cluster);
  await screen.untilVerdict('forked', 'Replicas contradict each other');
  await screen.picture('forked');

  await screen.page.locator('.matrix .state[data-tone="forked"]').first().click();
  await screen.page.locator('.walk li[data-tone="forked"]', { hasText: 'Checked in this browser' }).waitFor();
  assert.equal(await screen.page.locator('.side').count(), 2);
  await screen.picture('fork');
  await screen.page.getByRole('button', { name: 'Keep this history, set that of node-1 aside…' }).click();
  const dialog = screen.page.getByRole('dialog', { name: 'Keep the history of node-2?' });
  await dialog.getByText('It would be set aside').waitFor();
  await screen.picture('repair');
  await dialog.getByRole('button', { name: 'Set the history of node-1 aside' }).click();
  await dialog.getByText('node-1 has the history of node-2 now.').waitFor();
  // With the keyboard: the focus must not be lost with the button that was pressed.
  await dialog.locator('button:focus', { hasText: 'Close' }).waitFor();
  await screen.page.keyboard.press('Enter');
  await screen.go('#/');
  await screen.untilVerdict('equal', 'All replicas agree');
  await screen.picture('repaired');
  assert.deepEqual(screen.complaints, []);
});
