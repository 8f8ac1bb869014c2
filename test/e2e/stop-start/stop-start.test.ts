import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import process from 'node:process';
import { after, before, test } from 'node:test';
import { z } from 'zod';
import { MobileClient, request, WebClient } from '../clients.ts';
import { Cluster, isAlive, randomBasePort, startCluster, stopCluster, temporaryFolder } from '../cluster.ts';
import { grapevine } from '../command.ts';
import { nodeApis, untilRootsEqual } from '../node-api.ts';
import { until } from '../until.ts';

/** Callers before those they call. */
const stopOrder = [['gateway'], ['bff-web', 'bff-mobile'], ['node-1', 'node-2', 'node-3']];
const topic = 'kept';

const resources = new AsyncDisposableStack();
after(() => resources.disposeAsync());
let dataDir: string;
/** The cluster that runs, each started on what the ones before left behind. */
let cluster: Cluster;
/** Bodies by id of everything published in any life of the cluster. */
const published = new Map<string, string>();

before(async () => {
  ({ path: dataDir } = resources.use(await temporaryFolder()));
  cluster = await start();
});

async function start(basePort?: number): Promise<Cluster> {
  return resources.adopt(await startCluster({ dataDir, ...(basePort === undefined ? {} : { basePort }) }), stopCluster);
}

async function publish(): Promise<void> {
  const body = `message ${published.size}`;
  const { id } = await new WebClient(cluster.gateway, cluster.tokens.web).publish({ topic, body });
  published.set(id, body);
}

async function childPids(): Promise<number[]> {
  return (await cluster.readFile()).processes.map(({ pid }) => pid);
}

async function checkNothingLost(): Promise<void> {
  await untilRootsEqual(nodeApis(cluster));
  for (const node of nodeApis(cluster)) {
    const messages = await node.topic(topic);
    assert.deepEqual(new Map(messages.map(({ id, body }) => [id, body])), published, node.name);
  }
}

const logLineSchema = z.looseObject({ time: z.iso.datetime(), msg: z.string() });

/** When the process began its last stop. */
async function stoppingSince(name: string): Promise<string> {
  const log = await readFile(join(dataDir, 'logs', `${name}.log`), 'utf8');
  const lines = log
    .trim()
    .split('\n')
    .map((line) => logLineSchema.parse(JSON.parse(line)));
  const line = lines.findLast(({ msg }) => msg === 'stopping');
  assert.ok(line !== undefined, `${name} did not stop in order`);
  return line.time;
}

/** The stop has ended with 0, the children are gone, and each layer began to stop after the one above it. */
async function checkOrderlyStop(signal: NodeJS.Signals): Promise<void> {
  const children = await childPids();
  assert.equal(await cluster.stop(signal), 0, await cluster.errors());
  assert.equal(await cluster.errors(), '');
  assert.deepEqual(children.filter(isAlive), []);
  const layers = await Promise.all(stopOrder.map((names) => Promise.all(names.map(stoppingSince))));
  for (const [i, below] of layers.slice(1).entries()) {
    const above = layers[i] ?? [];
    assert.ok(
      above.every((time) => below.every((later) => time <= later)),
      JSON.stringify(layers),
    );
  }
  await assert.rejects(readFile(join(dataDir, 'cluster.json')), { code: 'ENOENT' });
  assert.deepEqual(await cluster.fatalLogLines(), []);
}

test('any child that is killed comes back, as another process that cluster.json names', async () => {
  await publish();
  for (const name of ['gateway', 'bff-mobile', 'bff-web', 'node-3']) {
    const { before: old, after: young } = await cluster.killAndAwait(name);
    assert.notEqual(old, young);
    assert.equal(isAlive(old), false);
    await until('cluster.json names the new process', async () => (await cluster.process(name)).pid === young);
    assert.ok(isAlive(young));
  }
  await publish();
  await checkNothingLost();
});

test('a second cluster on the same folder is refused in one line, and the first goes on', async () => {
  const base = `${randomBasePort()}`;
  const { ending, stdout, stderr } = await grapevine('up', '--data-dir', dataDir, '--base-port', base);
  assert.equal(ending, 1);
  assert.equal(stdout, '');
  assert.match(stderr, /^grapevine: [^\n]+\n$/);
  assert.ok(stderr.includes(`${cluster.supervisorPid}`) && stderr.includes('DATA_DIR_IN_USE'), stderr);
  assert.equal((await request(`${cluster.admin}/readyz`)).status, 200);
});

test('a taken port, TCP or UDP, is one line that names the port and the flag', async () => {
  await using other = await temporaryFolder();
  const base = randomBasePort();
  const up = () => grapevine('up', '--data-dir', other.path, '--base-port', `${base}`);
  const check = async (port: number): Promise<void> => {
    const { ending, stdout, stderr } = await up();
    assert.equal(ending, 1);
    assert.equal(stdout, '');
    assert.match(stderr, /^grapevine: [^\n]*--base-port[^\n]*\[PORT_TAKEN\]\n$/);
    assert.ok(stderr.includes(` ${port} `), stderr);
  };
  const server = createServer().listen(base + 2, '127.0.0.1');
  await once(server, 'listening');
  await check(base + 2);
  server.close();
  await once(server, 'close');
  const gossip = base - 880 + 2;
  const socket = createSocket('udp4').bind(gossip, '127.0.0.1');
  await once(socket, 'listening');
  await check(gossip);
  socket.close();
});

test('SIGTERM stops everything in order', async () => {
  await publish();
  await checkOrderlyStop('SIGTERM');
});

test('SIGTERM in the middle of a start ends it, with nothing left behind', async () => {
  await using fresh = await temporaryFolder();
  const early = new Cluster({ dataDir: fresh.path, basePort: cluster.basePort });
  await until('the children have been started', () => readFile(join(fresh.path, 'logs/gateway.log')));
  assert.equal(await early.stop(), 0, await early.errors());
  const events = early.events.map(({ event }) => event);
  assert.deepEqual(events, ['stopping', 'stopped']);
});

test('the next start finds every message, and takes the tokens of the one before', async () => {
  const { tokens, basePort } = cluster;
  cluster = await start(basePort);
  assert.notEqual(cluster.tokens.web, tokens.web);
  await checkNothingLost();
  const mobile = new MobileClient(cluster.gateway, tokens.mobile);
  for (const [id, body] of published) assert.equal((await mobile.message(id))?.body, body);
});

test('after SIGKILL of the supervisor its children stop by themselves, and a start waits for that', async () => {
  await publish();
  const orphans = await childPids();
  cluster.signalSupervisor('SIGKILL');
  assert.equal(await cluster.ended, 'SIGKILL');
  cluster = await start(cluster.basePort);
  assert.deepEqual(orphans.filter(isAlive), []);
  for (const name of stopOrder.flat()) await stoppingSince(name);
  await checkNothingLost();
});

test('Ctrl-C, which a terminal sends to the whole group, stops everything in order', async () => {
  await publish();
  process.kill(-cluster.supervisorPid, 'SIGINT');
  await checkOrderlyStop('SIGINT');
});
