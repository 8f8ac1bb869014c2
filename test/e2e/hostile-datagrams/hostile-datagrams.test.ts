import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { readKeyRing } from '../../fixtures/key-files.ts';
import { WebClient } from '../clients.ts';
import { type Cluster, startCluster, stopCluster, temporaryFolder } from '../cluster.ts';
import { type NodeApi, nodeApis, untilRootsEqual } from '../node-api.ts';
import { until } from '../until.ts';
import { HostileDatagrams } from './hostile.ts';

const target = 'node-1';
const perKind = 2_500;
/** UDP loses what a receive buffer has no room for; so many of these always fit. */
const burst = 50;
/** Of resident memory, in bytes: what a busy garbage collector may leave for later, but not a few kilobytes per datagram. */
const allowedGrowth = 96 * 1024 * 1024;
const droppedSeries = 'grapevine_datagrams_dropped_total';

const resources = new AsyncDisposableStack();
after(() => resources.disposeAsync());
let cluster: Cluster;
let nodes: readonly NodeApi[];
let node: NodeApi;
let web: WebClient;
let hostile: HostileDatagrams;
let socket: Socket;
const received: Buffer[] = [];

before(async () => {
  const { path: dataDir } = resources.use(await temporaryFolder());
  cluster = resources.adopt(await startCluster({ dataDir }), stopCluster);
  nodes = nodeApis(cluster);
  const found = nodes.find(({ name }) => name === target);
  assert.ok(found !== undefined);
  node = found;
  web = new WebClient(cluster.gateway, cluster.tokens.web);
  hostile = new HostileDatagrams(await readKeyRing(join(dataDir, 'secrets/cluster.key')), 11);
  const { udp = '' } = await cluster.process(target);
  socket = createSocket('udp4');
  resources.defer(() => void socket.close());
  socket.on('message', (datagram) => received.push(datagram));
  socket.connect(Number(udp.split(':')[1]), '127.0.0.1');
  await once(socket, 'connect');
});

/** Drops of the target by reason. */
async function dropped(): Promise<Map<string, number>> {
  const reasons = new Map<string, number>();
  for (const [series, value] of await node.metrics()) {
    const reason = /\breason="([^"]+)"/.exec(series)?.[1];
    if (series.startsWith(`${droppedSeries}{`) && reason !== undefined) reasons.set(reason, value);
  }
  return reasons;
}

function sum(counts: ReadonlyMap<string, number>): number {
  return counts.values().reduce((total, count) => total + count, 0);
}

/** Sends everything at the pace at which the node counts it, and answers how much more it dropped, by reason. */
async function sendAll(datagrams: readonly Uint8Array[]): Promise<Map<string, number>> {
  const start = await dropped();
  let now = start;
  for (let at = 0; at < datagrams.length; at += burst) {
    const part = datagrams.slice(at, at + burst);
    for (const datagram of part) socket.send(datagram);
    await until(`${at + part.length} datagrams counted`, async () => {
      now = await dropped();
      return sum(now) - sum(start) >= at + part.length;
    });
  }
  const more = [...now].map(([reason, count]) => [reason, count - (start.get(reason) ?? 0)] as const);
  return new Map(more.filter(([, count]) => count > 0));
}

async function residentBytes(): Promise<number> {
  const metrics = await node.metrics();
  const [, bytes] = [...metrics].find(([series]) => series.startsWith('process_resident_memory_bytes')) ?? [];
  assert.ok(bytes !== undefined);
  return bytes;
}

function many(make: () => Uint8Array): Uint8Array[] {
  return Array.from({ length: perKind }, make);
}

let memoryBefore = 0;

test('random bytes are counted', async () => {
  memoryBefore = await residentBytes();
  const reasons = await sendAll(many(() => hostile.random()));
  assert.equal(sum(reasons), perKind);
  assert.ok((reasons.get('unknown-version') ?? 0) > perKind / 2);
});

test('truncated datagrams of the cluster’s own are counted', async () => {
  const reasons = await sendAll(many(() => hostile.truncated()));
  assert.equal(sum(reasons), perKind);
  assert.deepEqual(
    new Set(reasons.keys()).difference(new Set(['too-short', 'bad-tag', 'unknown-version', 'wrong-mode'])),
    new Set(),
  );
  assert.ok((reasons.get('too-short') ?? 0) > 0);
  assert.ok((reasons.get('bad-tag') ?? 0) > perKind / 2);
});

test('bit-flipped datagrams of the cluster’s own are counted', async () => {
  const reasons = await sendAll(many(() => hostile.bitFlipped()));
  assert.equal(sum(reasons), perKind);
  assert.ok((reasons.get('bad-tag') ?? 0) > perKind / 2);
});

test('repeated datagrams of the cluster’s own are counted, and messages go on meanwhile', async () => {
  const genuine = Array.from({ length: 50 }, () => hostile.harmless());
  for (const datagram of genuine) socket.send(datagram);
  const flood = many(() => genuine[Math.floor(Math.random() * genuine.length)] ?? new Uint8Array(0));
  const [reasons] = await Promise.all([sendAll(flood), publishEverywhere('meanwhile')]);
  assert.equal(reasons.get('replayed'), perKind);
});

test('the node answered nobody, kept its memory, and goes on replicating', async () => {
  await publishEverywhere('afterwards');
  await untilRootsEqual(nodes);
  assert.equal(received.length, 0, `answered with ${received.length} datagrams`);
  const growth = (await residentBytes()) - memoryBefore;
  assert.ok(growth < allowedGrowth, `memory grew by ${growth} bytes`);
  assert.equal(await cluster.stop(), 0, await cluster.errors());
  assert.deepEqual(await cluster.fatalLogLines(), []);
});

/** Messages that every node must have on disk before they are acknowledged. */
async function publishEverywhere(name: string): Promise<void> {
  for (let number = 0; number < 20; number++) {
    const { heldBy } = await web.publish({ topic: 'hostile', body: `${name} ${number}`, acks: nodes.length });
    assert.equal(heldBy, nodes.length);
  }
}
