import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { repairReportSchema } from '@grapevine/shared/contracts/repair.ts';
import { type Cluster, startCluster, stopCluster, temporaryFolder } from '../cluster.ts';
import { grapevine } from '../command.ts';
import { flipBitIn } from '../damage/stored-text.ts';
import { nodeApis, untilRootsEqual } from '../node-api.ts';

/** At the slowest, a scrub takes a second for each segment: it is minutes away from the last of so many. */
const slowScrub = { GRAPEVINE_NODE__SCRUB__BYTES_PER_SECOND: `${16 * 1024}` };
const bodies = Array.from({ length: 150 }, (_, i) => `message number ${i} is whole`);

const resources = new AsyncDisposableStack();
after(() => resources.disposeAsync());

test('a flipped bit in a stopped node is mended by `grapevine repair` long before a scrub would find it', async () => {
  const { path: dataDir } = resources.use(await temporaryFolder());
  const start = async (): Promise<Cluster> =>
    resources.adopt(await startCluster({ dataDir, environment: slowScrub }), stopCluster);
  const cluster = await start();
  const [writer] = nodeApis(cluster);
  assert.ok(writer !== undefined);
  // One after the other, so that each is a segment of its own.
  for (const body of bodies) await writer.publish({ messages: [{ topic: 'repair', body }] });
  await untilRootsEqual(nodeApis(cluster));
  assert.equal(await cluster.stop(), 0);
  const [body] = bodies.slice(-3);
  assert.ok(body !== undefined);
  await flipBitIn(join(dataDir, 'node-2'), body);

  const again = await start();
  const damaged = nodeApis(again).find(({ name }) => name === 'node-2');
  assert.ok(damaged !== undefined);
  const target = ['--data-dir', dataDir] as const;
  const refused = await grapevine('repair', 'node-2', '--yes', '--token', again.tokens.web, ...target);
  assert.equal(refused.ending, 1);
  assert.match(refused.stderr, /cluster:admin.*\[FORBIDDEN\]/);

  const planned = await grapevine('repair', 'node-2', '--dry-run', ...target);
  assert.equal(planned.ending, 1, planned.stderr);
  assert.match(planned.stdout, /1 damaged stretch would be mended/);
  assert.equal((await damaged.members())[0]?.quarantined, 0, 'neither a dry run nor a scrub has done anything');
  const mended = await grapevine('repair', 'node-2', '--from', 'node-3', '--yes', '--json', ...target);
  assert.equal(mended.ending, 0, mended.stdout + mended.stderr);
  const { origins } = repairReportSchema.parse(JSON.parse(mended.stdout));
  const [repaired] = origins.filter(({ damaged: count }) => count > 0);
  assert.deepEqual([repaired?.state, repaired?.damaged, repaired?.mended], ['mended', 1, 1]);
  const shown = await damaged.topic('repair');
  assert.deepEqual(
    shown.map((message) => message.body),
    bodies,
  );
  assert.equal(await again.stop(), 0);
  assert.equal((await grapevine('fsck', dataDir)).ending, 0);
});
