import assert from 'node:assert/strict';
import { join } from 'node:path';
import process from 'node:process';
import { after, before, test } from 'node:test';
import { z } from 'zod';
import { MobileClient, WebClient } from '../clients.ts';
import { type Cluster, startCluster, stopCluster, temporaryFolder } from '../cluster.ts';
import { grapevine } from '../command.ts';
import { type NodeApi, nodeApis, untilRootsEqual } from '../node-api.ts';
import { until } from '../until.ts';
import { flipBitIn } from './stored-text.ts';

const topic = 'damage';
const bodies = Array.from({ length: 40 }, (_, i) => `message number ${i} is whole`);
const [damagedName, ...otherNames] = ['node-1', 'node-2', 'node-3'] as const;

const resources = new AsyncDisposableStack();
after(() => resources.disposeAsync());
let dataDir: string;
let cluster: Cluster;
let ids: string[];

before(async () => {
  ({ path: dataDir } = resources.use(await temporaryFolder()));
  await start();
  const web = new WebClient(cluster.gateway, cluster.tokens.web);
  ids = [];
  // One after the other, so that each is a segment of its own.
  for (const body of bodies) ids.push((await web.publish({ topic, body })).id);
  await untilRootsEqual(nodeApis(cluster));
});

async function start(): Promise<void> {
  const environment = {
    GRAPEVINE_NODE__SCRUB__PAUSE_MS: '200',
    GRAPEVINE_NODE__SCRUB__BYTES_PER_SECOND: `${64 * 1024 * 1024}`,
  };
  cluster = resources.adopt(await startCluster({ dataDir, environment }), stopCluster);
}

function damagedNode(): NodeApi {
  const found = nodeApis(cluster).find(({ name }) => name === damagedName);
  assert.ok(found !== undefined);
  return found;
}

async function signalOthers(signal: NodeJS.Signals): Promise<void> {
  for (const name of otherNames) process.kill((await cluster.process(name)).pid, signal);
}

async function metric(name: string): Promise<number | undefined> {
  return (await damagedNode().metrics()).get(`${name}{service="cluster-node",instance="${damagedName}"}`);
}

const statusSchema = z.object({
  verdict: z.string(),
  nodes: z.array(z.object({ name: z.string(), quarantined: z.int().nullable() })),
});

/** Segments in quarantine at the damaged node, as `grapevine status` has them. */
async function quarantined(): Promise<number | null | undefined> {
  const { stdout } = await grapevine('status', '--json', '--data-dir', dataDir);
  return statusSchema.parse(JSON.parse(stdout)).nodes.find(({ name }) => name === damagedName)?.quarantined;
}

/** Reads `id` at the damaged node in every way that it offers: each must refuse, or show what was published. */
async function readEveryWay(id: string, body: string, isFound: boolean): Promise<void> {
  const node = damagedNode();
  const paths = [
    `/v1/messages/${id}`,
    `/v1/messages?ids=${id}`,
    `/v1/messages/${id}/proof`,
    `/v1/topics/${topic}/messages?limit=${bodies.length}`,
    `/v1/topics/${topic}/messages?limit=${bodies.length}&direction=backward`,
    `/v1/sync?limit=${bodies.length}`,
    // Segments are checked by whoever gets them: they end before a damaged one only from when it was found.
    ...(isFound ? ['/v1/segments'] : []),
  ];
  for (const path of paths) {
    const { status, text } = await node.raw(path);
    if (status === 503) assert.match(text, /QUARANTINED/, path);
    else assert.equal(status, 200, `${path}: ${text.slice(0, 200)}`);
    const altered = String.fromCharCode(body.charCodeAt(0) ^ 1) + body.slice(1);
    assert.ok(!text.includes(altered) && !text.includes(btoa(altered).slice(0, 12)), `${path} shows altered data`);
  }
}

test('a flipped bit in a running node is found, never served, shown while it lasts, and mended', async () => {
  const [id, body] = [ids[7] ?? '', bodies[7] ?? ''];
  // Nobody can give the segment back, so that the damage lasts.
  await signalOthers('SIGSTOP');
  try {
    await flipBitIn(join(dataDir, damagedName), body);
    await until('the scrub finds it', async () => {
      await readEveryWay(id, body, false);
      return (await metric('grapevine_quarantined_segments')) === 1;
    });
    await readEveryWay(id, body, true);
    assert.equal((await damagedNode().members())[0]?.quarantined, 1);
    // The web API has to notice first that the others hang.
    await until('status shows it', async () => (await quarantined()) === 1, 60_000);
  } finally {
    await signalOthers('SIGCONT');
  }
  await until('it is mended', async () => (await quarantined()) === 0);
  await until('all agree again', async () => (await grapevine('status', '--data-dir', dataDir)).ending === 0);
  const [message] = await damagedNode().messages([id]);
  assert.equal(message?.body, body);
});

test('clients do not notice', async () => {
  const { gateway, tokens } = cluster;
  const clients = [new WebClient(gateway, tokens.web), new MobileClient(gateway, tokens.mobile)];
  for (const number of [10, 20, 30]) {
    const [id, body] = [ids[number] ?? '', bodies[number] ?? ''];
    const before = (await metric('grapevine_segments_mended_total')) ?? 0;
    await flipBitIn(join(dataDir, damagedName), body);
    for (const client of clients) assert.equal((await client.message(id))?.body, body);
    await until('it is mended', async () => (await metric('grapevine_segments_mended_total')) === before + 1);
  }
});

test('a flipped bit in a stopped node is found after its start and mended, and fsck is content', async () => {
  assert.equal(await cluster.stop(), 0);
  const [id, body] = [ids[33] ?? '', bodies[33] ?? ''];
  await flipBitIn(join(dataDir, damagedName), body);
  const found = await grapevine('fsck', join(dataDir, damagedName));
  assert.equal(found.ending, 1);
  assert.match(found.stdout, /Segment [0-9a-f]{32}\/\d+ \(1 entry\): Its entries do not give the root/);
  await start();
  await until('it is mended', async () => {
    await readEveryWay(id, body, false);
    return (await metric('grapevine_segments_mended_total')) === 1;
  });
  assert.equal((await damagedNode().messages([id]))[0]?.body, body);
  assert.equal(await cluster.stop(), 0);
  assert.equal((await grapevine('fsck', dataDir)).ending, 0);
});
