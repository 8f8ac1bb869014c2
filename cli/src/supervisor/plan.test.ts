import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfig } from '@grapevine/shared/config/load.ts';
import { planCluster } from './plan.ts';

const config = loadConfig({ environment: {} });
const plan = planCluster({ nodes: 3, basePort: 8080, dataDir: '/var/lib/grape: vine', config });
const byName = new Map(plan.stages.flat().map((process) => [process.name, process]));

function configOf(name: string) {
  return loadConfig({ environment: byName.get(name)?.environment ?? {} });
}

test('all ports keep their distance to the base port', () => {
  assert.equal(plan.gateway, 'http://127.0.0.1:8080');
  assert.equal(plan.admin, 'http://127.0.0.1:9080');
  assert.equal(byName.get('bff-web')?.http, 'http://127.0.0.1:8081');
  assert.equal(byName.get('bff-mobile')?.http, 'http://127.0.0.1:8082');
  assert.equal(byName.get('node-3')?.http, 'http://127.0.0.1:7103');
  assert.equal(byName.get('node-3')?.udp, '127.0.0.1:7203');
  const moved = planCluster({ nodes: 1, basePort: 18080, dataDir: '/data', config });
  assert.deepEqual(
    moved.stages.flat().flatMap(({ ports }) => ports.map(({ port }) => port)),
    [17101, 17201, 18081, 18082, 18080, 19080],
  );
});

test('a layer starts before the layers that call it', () => {
  const names = plan.stages.map((stage) => stage.map(({ name }) => name));
  assert.deepEqual(names, [['node-1', 'node-2', 'node-3'], ['bff-web', 'bff-mobile'], ['gateway']]);
});

test('every process reads its settings as they were meant, whatever the folder is called', () => {
  const { node, secrets } = configOf('node-2');
  assert.equal(node.name, 'node-2');
  assert.equal(node.httpPort, 7102);
  assert.equal(node.udpPort, 7202);
  assert.equal(node.dataDir, '/var/lib/grape: vine/node-2');
  assert.deepEqual(node.seeds, ['127.0.0.1:7201', '127.0.0.1:7203']);
  assert.equal(secrets.clusterKeyFile, '/var/lib/grape: vine/secrets/cluster.key');
  assert.deepEqual(
    configOf('bff-mobile').bffMobile.seeds,
    [7101, 7102, 7103].map((port) => `http://127.0.0.1:${port}`),
  );
  const { gateway } = configOf('gateway');
  assert.equal(gateway.auth.jwksFile, '/var/lib/grape: vine/secrets/jwks.json');
  assert.equal(gateway.auth.apiKeysFile, '/var/lib/grape: vine/secrets/api-keys.json');
  assert.equal(gateway.auth.revocationsFile, '/var/lib/grape: vine/secrets/revoked.json');
  assert.deepEqual(gateway.upstreams, { web: ['http://127.0.0.1:8081'], mobile: ['http://127.0.0.1:8082'] });
});

test('a service that listens on every address is called on loopback', () => {
  const open = loadConfig({ environment: { GRAPEVINE_GATEWAY__HOST: '0.0.0.0', GRAPEVINE_NODE__HOST: '"::"' } });
  const { gateway, stages } = planCluster({ nodes: 1, basePort: 8080, dataDir: '/data', config: open });
  assert.equal(gateway, 'http://127.0.0.1:8080');
  assert.equal(stages[0]?.[0]?.http, 'http://[::1]:7101');
});

test('nodes that want TLS are called by https, by BFFs with certificates', () => {
  const files = { certFile: '/a: b.pem', keyFile: '/key.pem', caFile: '/ca.pem' };
  const own = { ...files, certFile: '/bff.pem' };
  const environment = { GRAPEVINE_NODE__TLS: JSON.stringify(files), GRAPEVINE_BFF_WEB__NODE_TLS: JSON.stringify(own) };
  const secure = loadConfig({ environment });
  const { stages } = planCluster({ nodes: 1, basePort: 8080, dataDir: '/data', config: secure });
  const [node, web, mobile] = stages.flat();
  assert.equal(node?.http, 'https://127.0.0.1:7101');
  assert.deepEqual(loadConfig({ environment: web?.environment ?? {} }).bffWeb.nodeTls, own);
  const { seeds, nodeTls } = loadConfig({ environment: mobile?.environment ?? {} }).bffMobile;
  assert.deepEqual([seeds, nodeTls], [['https://127.0.0.1:7101'], files]);
});

test('what does not fit is refused with the flag and the range', () => {
  for (const basePort of [0, 2_003, 64_536]) {
    assert.throws(
      () => planCluster({ nodes: 3, basePort, dataDir: '/data', config }),
      /--base-port is \d+; .* 2004 to 64535/,
    );
  }
  assert.throws(
    () => planCluster({ nodes: 33, basePort: 8080, dataDir: '/data', config }),
    /--nodes is 33; .* 1 to 32/,
  );
});
