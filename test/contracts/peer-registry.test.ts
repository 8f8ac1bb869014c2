import assert from 'node:assert/strict';
import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { StaticRegistry } from '@grapevine/cluster-node/registry/static-registry.ts';
import { DnsRegistry } from '@grapevine/shared/registry/dns-registry.ts';
import { FileRegistry } from '@grapevine/shared/registry/file-registry.ts';
import { DnsServer } from '../fixtures/dns-server.ts';
import { recordingLog } from '../fixtures/recording-log.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';
import { changingRegistryContract, type RegistryFixture, registryContract } from './peer-registry.contract.ts';

registryContract('static', async (_t, peers) => new StaticRegistry(peers));

registryContract('file', async (t, peers) => (await openFile(t, peers)).registry);
changingRegistryContract('file', openFile);

registryContract('DNS, SRV', async (t, peers) => (await openSrv(t, peers)).registry);
changingRegistryContract('DNS, SRV', openSrv);
changingRegistryContract('DNS, A', openAddresses);

const gossipPort = 7_201;

async function openSrv(t: TestContext, peers: readonly string[]): Promise<RegistryFixture> {
  const name = '_gossip._udp.grapevine.test';
  return openDns(t, peers, { name }, (lines) => lines);
}

async function openAddresses(t: TestContext, peers: readonly string[]): Promise<RegistryFixture> {
  const hostOf = (peer: string): string => peer.replace(`:${gossipPort}`, '');
  return openDns(t, peers, { name: 'grapevine.test', port: gossipPort }, (lines) => lines.map(hostOf));
}

async function openDns(
  t: TestContext,
  peers: readonly string[],
  question: { readonly name: string; readonly port?: number },
  recordsOf: (peers: readonly string[]) => readonly string[],
): Promise<RegistryFixture> {
  const server = await DnsServer.open();
  t.after(() => server[Symbol.asyncDispose]());
  const write = async (lines: readonly string[]): Promise<void> => {
    server.failure = undefined;
    server.zone = new Map([[question.name, recordsOf(lines)]]);
  };
  await write(peers);
  const { log, lines } = recordingLog();
  const servers = [server.address];
  const registry = await DnsRegistry.open({ ...question, family: 4, intervalMs: 20, servers, log });
  t.after(() => registry.stop());
  const damage = [
    {
      reason: /ESERVFAIL/,
      make: async () => {
        server.failure = 'servfail' as const;
      },
    },
    { reason: /ENODATA/, make: () => write([]) },
    {
      reason: /ENOTFOUND/,
      make: async () => {
        server.zone = new Map();
      },
    },
    { reason: /IP address of one machine/, make: () => write(['127.0.0.9:7201', '224.0.0.1:7201']) },
    {
      reason: /EBADRESP|ETIMEOUT/,
      make: async () => {
        server.failure = 'garbage' as const;
      },
    },
  ];
  return { registry, write, damage, logged: lines };
}

test('DNS, AAAA: a node that listens on IPv6 takes addresses of its family', async (t) => {
  const server = await DnsServer.open();
  t.after(() => server[Symbol.asyncDispose]());
  const name = 'grapevine.test';
  server.zone = new Map([[name, ['127.0.0.1', '2001:db8:0:0:0:0:0:1']]]);
  const { log } = recordingLog();
  const options = { name, port: gossipPort, intervalMs: 60_000, servers: [server.address], log };
  const registry = await DnsRegistry.open({ ...options, family: 6 });
  t.after(() => registry.stop());
  assert.deepEqual(registry.peers(), [{ host: '2001:db8::1', port: gossipPort }]);
});

async function openFile(t: TestContext, peers: readonly string[]): Promise<RegistryFixture> {
  const folder = await temporaryFolder();
  t.after(() => folder[Symbol.asyncDispose]());
  const path = join(folder.path, 'peers');
  const text = (lines: readonly string[]): string => lines.map((line) => `${line} # a peer\n`).join('\n');
  const write = async (lines: readonly string[]): Promise<void> => {
    await writeFile(`${path}.new`, text(lines));
    await rename(`${path}.new`, path);
  };
  await write(peers);
  const { log, lines } = recordingLog();
  const registry = await FileRegistry.open({ path, log, pollMs: 20 });
  t.after(() => registry.stop());
  const damage = [
    { reason: /expected a line break at its end/, make: () => writeFile(path, '127.0.0.2:7202\n127.0.0.2:72') },
    {
      reason: /peers:2: found \\"127.0.0.2\\", expected host:port/,
      make: () => writeFile(path, '127.0.0.2:1\n127.0.0.2\n'),
    },
    { reason: /found no peers/, make: () => writeFile(path, '') },
    { reason: /more than 1048576 bytes/, make: () => writeFile(path, '#'.repeat(1024 * 1024 + 1)) },
    { reason: /ENOENT/, make: () => rm(path) },
  ];
  return { registry, write, damage, logged: lines };
}
