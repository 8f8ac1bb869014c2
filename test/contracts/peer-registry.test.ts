import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { FileRegistry } from '@grapevine/cluster-node/registry/file-registry.ts';
import { StaticRegistry } from '@grapevine/cluster-node/registry/static-registry.ts';
import { recordingLog } from '../fixtures/recording-log.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';
import { changingRegistryContract, type RegistryFixture, registryContract } from './peer-registry.contract.ts';

registryContract('static', async (_t, peers) => new StaticRegistry(peers));

registryContract('file', async (t, peers) => (await openFile(t, peers)).registry);
changingRegistryContract('file', openFile);

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
