import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Problems } from '@grapevine/cluster-node/fsck/problems.ts';
import { checkData, fsck } from '@grapevine/cluster-node/fsck.ts';
import { nodeHeadVerifier } from '@grapevine/cluster-node/store/ed25519.ts';
import { fastTreeHash } from '@grapevine/cluster-node/store/fast-tree-hash.ts';
import { MemoryLogStore } from '@grapevine/cluster-node/store/memory-log-store.ts';
import { openNodeStore } from '@grapevine/cluster-node/store/node-store.ts';
import { describeLogMaintenance } from './log-maintenance.contract.ts';
import { describeLogStore } from './log-store.contract.ts';
import { describeRetention } from './retention.contract.ts';
import type { StoreUnderTest } from './store-under-test.ts';

for (const describeContract of [describeLogStore, describeLogMaintenance, describeRetention]) {
  describeContract('memory', async () => memoryStore(await MemoryLogStore.open(fastTreeHash)));
  describeContract('LMDB', () => lmdbStore(mkdtempSync(join(tmpdir(), 'grapevine-store-'))));
}

function memoryStore(memory: MemoryLogStore): StoreUnderTest {
  return {
    log: memory.log,
    views: memory.log.views,
    restart: async () => {
      const problems = new Problems();
      checkData(memory.disk, { hash: fastTreeHash, verifier: nodeHeadVerifier }, problems);
      assert.deepEqual(problems.list(), []);
      return memoryStore(await memory.crash());
    },
    close: () => memory.log.close(),
  };
}

async function lmdbStore(folder: string): Promise<StoreUnderTest> {
  const store = await openNodeStore(folder);
  return {
    log: store.log,
    views: store.views,
    restart: async () => {
      await store.close();
      assert.deepEqual((await fsck(folder)).problems, []);
      return lmdbStore(folder);
    },
    close: async () => {
      await store.close();
      rmSync(folder, { recursive: true });
    },
  };
}
