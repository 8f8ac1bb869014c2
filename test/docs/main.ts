/** `node test/docs/main.ts`: writes the pages of docs/ that are printed from code, and from what a cluster says of itself. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startCluster, stopCluster, temporaryFolder } from '../e2e/cluster.ts';
import { scrape } from '../e2e/metrics.ts';
import { root } from '../runner/test-files.ts';
import { errorsPage } from './errors-page.ts';
import { metricsPage } from './metrics-page.ts';

writeFileSync(join(root, 'docs/errors.md'), errorsPage());

await using resources = new AsyncDisposableStack();
const { path: dataDir } = resources.use(await temporaryFolder());
const cluster = resources.adopt(await startCluster({ dataDir, nodes: 1 }), stopCluster);
writeFileSync(join(root, 'docs/metrics.md'), metricsPage(await scrape(cluster)));
