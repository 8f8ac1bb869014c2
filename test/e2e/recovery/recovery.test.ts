import assert from 'node:assert/strict';
import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { everything } from '@grapevine/cluster-node/store/keys.ts';
import { LmdbKeyValue } from '@grapevine/cluster-node/store/lmdb-key-value.ts';
import { databaseFolder } from '@grapevine/cluster-node/store/node-store.ts';
import { WebClient } from '../clients.ts';
import { type Cluster, startCluster, stopCluster, temporaryFolder } from '../cluster.ts';
import { grapevine } from '../command.ts';
import { nodeApis, untilRootsEqual } from '../node-api.ts';

const topic = 'recovery';
/** Enough that every node takes some. */
const messagesPerLife = 30;

const resources = new AsyncDisposableStack();
after(() => resources.disposeAsync());
let dataDir: string;
let cluster: Cluster;
/** Ids of everything accepted in any life of the cluster. */
const accepted: string[] = [];
/** The log that each node wrote in the first life. */
let firstOrigins: ReadonlyMap<string, string>;

before(async () => {
  ({ path: dataDir } = resources.use(await temporaryFolder()));
  await start();
  await publish();
  await untilRootsEqual(nodeApis(cluster));
  firstOrigins = await origins();
  assert.equal(await cluster.stop(), 0);
});

async function start(): Promise<void> {
  cluster = resources.adopt(await startCluster({ dataDir }), stopCluster);
}

async function publish(): Promise<void> {
  const web = new WebClient(cluster.gateway, cluster.tokens.web);
  for (let number = 0; number < messagesPerLife; number++) {
    accepted.push((await web.publish({ topic, body: `message ${accepted.length}` })).id);
  }
}

async function origins(): Promise<Map<string, string>> {
  const roots = await Promise.all(nodeApis(cluster).map((node) => node.root()));
  return new Map(roots.map(({ node, origin }) => [node, origin]));
}

/** Every node holds every accepted message, and the operator sees that they agree. */
async function checkEverythingEverywhere(): Promise<void> {
  await untilRootsEqual(nodeApis(cluster));
  for (const node of nodeApis(cluster)) {
    const ids = (await node.topic(topic)).map(({ id }) => id);
    assert.deepEqual(new Set(ids), new Set(accepted), node.name);
    assert.equal(ids.length, accepted.length, node.name);
  }
  const { ending, stdout } = await grapevine('status', '--json', '--data-dir', dataDir);
  assert.equal(ending, 0, stdout);
}

function fsck(name: string, ...flags: readonly string[]) {
  return grapevine('fsck', '--json', ...flags, join(dataDir, name));
}

test('a node that lost its disk gets everything back, and writes a new log', async () => {
  await cp(join(dataDir, 'node-2'), join(dataDir, 'backup'), { recursive: true });
  await rm(join(dataDir, 'node-3'), { recursive: true });
  await start();
  await publish();
  await checkEverythingEverywhere();
  const now = await origins();
  assert.equal(now.get('node-1'), firstOrigins.get('node-1'));
  assert.notEqual(now.get('node-3'), firstOrigins.get('node-3'));
  assert.equal(await cluster.stop(), 0);
});

test('a node that is put back from an old backup goes on without contradicting itself', async () => {
  await rm(join(dataDir, 'node-2'), { recursive: true });
  await cp(join(dataDir, 'backup'), join(dataDir, 'node-2'), { recursive: true });
  await start();
  await publish();
  await checkEverythingEverywhere();
  assert.equal((await origins()).get('node-2'), firstOrigins.get('node-2'));
  assert.equal(await cluster.stop(), 0);
  for (const name of ['node-1', 'node-2', 'node-3']) {
    const { ending, stdout } = await fsck(name);
    assert.equal(ending, 0, stdout);
  }
});

test('a node whose views and trees are lost gets them back from its own segments', async () => {
  const database = LmdbKeyValue.open(databaseFolder(join(dataDir, 'node-1')), { readOnly: false });
  const lost = (['tiles', 'topics', 'postings'] as const).flatMap((table) =>
    Array.from(database.range(table, everything), ([key]) => ({ table, key: key.slice(), value: undefined })),
  );
  await database.write(lost);
  await database.close();
  assert.equal((await fsck('node-1')).ending, 1);
  const { ending, stdout, stderr } = await fsck('node-1', '--rebuild');
  assert.equal(ending, 0, stdout);
  assert.deepEqual(JSON.parse(stdout).problems, []);
  assert.match(stderr, /node-1: rebuilding, 0 of (\d+) entries\n.*node-1: rebuilding, \1 of \1 entries\n$/);
  assert.equal((await fsck('node-1')).ending, 0);
  await start();
  await publish();
  await checkEverythingEverywhere();
  assert.equal(await cluster.stop(), 0);
});

test('fsck finds one altered message, and only where it is', async () => {
  await alter('node-1', 'message 7', 'massage 7');
  const { ending, stdout } = await fsck('node-1');
  assert.equal(ending, 1);
  assert.ok(JSON.parse(stdout).problems.length > 0, stdout);
  assert.equal((await fsck('node-2')).ending, 0);
});

/** Overwrites a text, wherever it is in the node's files, by another one of the same length. */
async function alter(node: string, text: string, replacement: string): Promise<void> {
  let changes = 0;
  for (const entry of await readdir(join(dataDir, node), { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const bytes = await readFile(path);
    for (let at = bytes.indexOf(text); at !== -1; at = bytes.indexOf(text, at + 1)) {
      bytes.write(replacement, at);
      changes += 1;
    }
    await writeFile(path, bytes);
  }
  assert.ok(changes > 0, `${text} is in no file of ${node}`);
}
