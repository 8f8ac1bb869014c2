import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import axe from 'axe-core';
import { startCluster, stopCluster, temporaryFolder } from '../cluster.ts';
import { startBrowser } from './browser.ts';

const resources = new AsyncDisposableStack();
after(() => resources.disposeAsync());

test('the console opens through the gateway', async () => {
  const { path: dataDir } = resources.use(await temporaryFolder());
  const cluster = resources.adopt(await startCluster({ dataDir }), stopCluster);
  const browser = resources.adopt(await startBrowser(), (one) => one.close());
  const page = await browser.newPage();
  await page.goto(`${cluster.gateway}/console/`);
  assert.equal(await page.getByRole('heading', { level: 1 }).textContent(), 'Grapevine');
  // Evaluated from outside: the page's own policy does not have to let it in.
  const violations = await page.evaluate(
    `${axe.source}; axe.run().then((found) => found.violations.map(({ id }) => id))`,
  );
  assert.deepEqual(violations, []);
});
