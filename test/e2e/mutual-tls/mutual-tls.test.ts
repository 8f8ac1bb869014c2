import assert from 'node:assert/strict';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { CertificateAuthority } from '../../fixtures/certificates.ts';
import { MobileClient, WebClient } from '../clients.ts';
import { type Cluster, startCluster, stopCluster, temporaryFolder } from '../cluster.ts';
import { grapevine } from '../command.ts';
import { Publisher } from '../crash/publishers.ts';
import { until } from '../until.ts';

const resources = new AsyncDisposableStack();
after(() => resources.disposeAsync());
let cluster: Cluster;
let authority: CertificateAuthority;

before(async () => {
  const { path } = resources.use(await temporaryFolder());
  const certificates = join(path, 'certificates');
  await mkdir(certificates);
  authority = new CertificateAuthority(certificates, 'authority');
  const environment = { GRAPEVINE_NODE__TLS: JSON.stringify(authority.issue('process')) };
  cluster = resources.adopt(await startCluster({ dataDir: join(path, 'data'), environment }), stopCluster);
});

test('a cluster whose nodes want certificates works through both APIs, also while certificates change', async () => {
  assert.ok(cluster.nodes.every(({ http }) => http.startsWith('https:')));
  const { gateway, tokens } = cluster;
  const enough = new AbortController();
  const clients = { web: new WebClient(gateway, tokens.web), mobile: new MobileClient(gateway, tokens.mobile) };
  const publishers = Object.entries(clients).map(
    ([name, client]) => new Publisher({ name, client, topic: 'tls', acks: 3, keyed: false }),
  );
  const running = publishers.map((publisher) => publisher.run(enough.signal));
  authority.issue('process');
  for (const name of ['node-1', 'node-2', 'node-3', 'bff-web', 'bff-mobile']) {
    const log = join(cluster.dataDir, 'logs', `${name}.log`);
    const isRead = async (): Promise<boolean> => (await readFile(log, 'utf8')).includes('read the certificates again');
    await until(`${name} reads them again`, isRead, 60_000);
  }
  enough.abort();
  await Promise.all(running);
  for (const { name, accepted, failures } of publishers) {
    assert.deepEqual(failures, [], name);
    assert.ok(accepted.length > 0, name);
  }
  // A node that comes back is called over new connections, with the new certificates on both sides.
  await cluster.killAndAwait('node-2');
  for (const client of Object.values(clients)) {
    const isHeldByAll = async (): Promise<boolean> =>
      (await client.publish({ topic: 'tls', body: 'last', acks: 3, timeoutMs: 2_000 })).heldBy === 3;
    await until('all three hold a message', isHeldByAll, 30_000);
  }
});

test('an operator sees that the nodes agree, and nodes compare themselves with each other', async () => {
  const status = await grapevine('status', '--json', '--data-dir', cluster.dataDir);
  assert.equal(status.ending, 0, status.stderr);
  const compared = await grapevine('compare', 'node-1', 'node-3', '--data-dir', cluster.dataDir);
  assert.equal(compared.ending, 0, compared.stderr);
  assert.equal(await cluster.stop(), 0, await cluster.errors());
  assert.deepEqual(await cluster.fatalLogLines(), []);
});
