import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { encodeMessage } from '@grapevine/cluster-node/wire/codec.ts';
import { clusterKeyOf } from '@grapevine/cluster-node/wire/key-ring.ts';
import { Sealer } from '@grapevine/cluster-node/wire/seal.ts';
import { systemClock } from '@grapevine/shared/clock.ts';
import { IdentitySigner, identityHeader } from '@grapevine/shared/identity/identity.ts';
import { readIdentityKey } from '../../fixtures/key-files.ts';
import { type Client, MobileClient, request, WebClient } from '../clients.ts';
import { type Cluster, startCluster, stopCluster, temporaryFolder } from '../cluster.ts';
import { Publisher } from '../crash/publishers.ts';
import { type NodeApi, nodeApis, untilRootsEqual } from '../node-api.ts';
import { until } from '../until.ts';

/** Short, for the test's sake; twice the time in which a process on a busy machine sees the change. */
const rotateAfterMs = 6_000;
const topic = 'rotation';

const resources = new AsyncDisposableStack();
after(() => resources.disposeAsync());
let cluster: Cluster;
let nodes: readonly NodeApi[];
let clusterKeyFile: string;
let edgeKeyFile: string;

before(async () => {
  const { path: dataDir } = resources.use(await temporaryFolder());
  const environment = { GRAPEVINE_SECRETS__ROTATE_AFTER_MS: `${rotateAfterMs}` };
  cluster = resources.adopt(await startCluster({ dataDir, environment }), stopCluster);
  nodes = nodeApis(cluster);
  clusterKeyFile = join(dataDir, 'secrets/cluster.key');
  edgeKeyFile = join(dataDir, 'secrets/edge.key');
});

/** As an administrator should: never half a file. */
async function replace(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text, { mode: 0o600 });
  await rename(`${path}.new`, path);
}

async function logOf(name: string): Promise<string> {
  return readFile(join(cluster.dataDir, 'logs', `${name}.log`), 'utf8');
}

test('all keys change under load, no request fails, and then nothing made with the old ones is taken', async () => {
  const { gateway, tokens } = cluster;
  const clients: Record<string, Client> = {
    web: new WebClient(gateway, tokens.web),
    mobile: new MobileClient(gateway, tokens.mobile),
  };
  const enough = new AbortController();
  const publishers = Object.entries(clients).map(
    ([name, client]) => new Publisher({ name, client, topic, acks: nodes.length, keyed: false }),
  );
  const running = publishers.map((publisher) => publisher.run(enough.signal));
  const oldIdentity = new IdentitySigner(readIdentityKey(clusterKeyFile, 'node-identity'), 'node', systemClock);
  const oldPassphrase = (await readFile(clusterKeyFile, 'utf8')).trim();

  const good = await readFile(clusterKeyFile, 'utf8');
  await replace(clusterKeyFile, `${good}short\n`);
  for (const { name } of nodes) {
    await until(`${name} refuses the bad file`, async () => (await logOf(name)).includes('passphrase 2 has 5'), 30_000);
  }

  await replace(clusterKeyFile, `${'new cluster '.repeat(4)}\n`);
  await replace(edgeKeyFile, `${'new edge '.repeat(4)}\n`);
  const isRefused = async ({ url }: NodeApi): Promise<boolean> => {
    const header = oldIdentity.sign({ subject: 'old', scopes: ['cluster:read'] });
    return (await request(`${url}/v1/members`, { headers: { [identityHeader]: header } })).status === 401;
  };
  await until(
    'the old key is gone everywhere',
    async () => (await Promise.all(nodes.map(isRefused))).every(Boolean),
    90_000,
  );
  enough.abort();
  await Promise.all(running);
  for (const { name, failures, accepted } of publishers) {
    assert.deepEqual(failures, [], name);
    assert.ok(accepted.length > 100, `${name} published ${accepted.length} messages`);
    assert.ok(
      accepted.every(({ heldBy }) => heldBy === nodes.length),
      name,
    );
  }
  await sendsInVain(oldPassphrase);
});

test('the cluster goes on with the new keys alone, and a node that starts now joins it', async () => {
  await cluster.killAndAwait('node-2');
  const web = new WebClient(cluster.gateway, cluster.tokens.web);
  const accepted = await until('all three hold a message', async () => {
    const { heldBy } = await web.publish({ topic, body: 'after', acks: nodes.length, timeoutMs: 2_000 });
    return heldBy === nodes.length;
  });
  assert.ok(accepted);
  await untilRootsEqual(nodeApis(cluster));
  assert.equal(await cluster.stop(), 0, await cluster.errors());
  assert.deepEqual(await cluster.fatalLogLines(), []);
});

/** A datagram sealed with the old key is counted as that, and not answered. */
async function sendsInVain(passphrase: string): Promise<void> {
  const [node] = nodeApis(cluster);
  assert.ok(node !== undefined);
  const sealer = new Sealer({ key: await clusterKeyOf(passphrase), sender: '5c'.repeat(16), bootEpoch: Date.now() });
  const socket = createSocket('udp4');
  socket.on('message', () => assert.fail('a datagram of the old key was answered'));
  const { udp = '' } = await cluster.process(node.name);
  await until('it is counted', async () => {
    socket.send(sealer.seal(encodeMessage({ type: 'nudge', heads: [] })), Number(udp.split(':')[1]), '127.0.0.1');
    const series = [...(await node.metrics())].find(([name]) => name.includes('reason="unknown-key"'));
    return series !== undefined && series[1] > 0;
  });
  socket.close();
}
