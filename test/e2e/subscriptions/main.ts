/** Kills the node that serves a subscription, over and over: `--kills 20`. */
import { parseArgs } from 'node:util';
import { startCluster, temporaryFolder } from '../cluster.ts';
import { killServingNodes } from './kill-serving-nodes.ts';

const { values } = parseArgs({ options: { kills: { type: 'string', default: '20' } } });

await using folder = await temporaryFolder();
const cluster = await startCluster({ dataDir: folder.path });
try {
  console.log(JSON.stringify(await killServingNodes(cluster, Number(values.kills)), null, 2));
} finally {
  await cluster.stop();
}
