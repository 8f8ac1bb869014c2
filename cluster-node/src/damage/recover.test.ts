import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { SeededRandom } from '@grapevine/shared/random.ts';
import { OriginLog } from '@grapevine/test/fixtures/origin-log.ts';
import { DataDamage } from '../store/damage.ts';
import { nodeHeadVerifier } from '../store/ed25519.ts';
import { fastTreeHash } from '../store/fast-tree-hash.ts';
import type { KeyValue, Table } from '../store/key-value.ts';
import { everything, seqKey } from '../store/keys.ts';
import type { MemoryKeyValue } from '../store/memory-key-value.ts';
import { MemoryLogStore } from '../store/memory-log-store.ts';
import { recoverLogs } from './recover.ts';

const checks = { hash: fastTreeHash, verifier: nodeHeadVerifier };
const alice = new OriginLog('alice');
const bob = new OriginLog('bob');
const segments = [alice, bob, alice, bob, alice].map((origin) =>
  origin.segment(Array.from({ length: 45 }, () => ({}))),
);

describe('recovery at the start', () => {
  let sound: MemoryKeyValue;
  beforeEach(async () => {
    const store = await MemoryLogStore.open(fastTreeHash);
    await store.log.commit(segments);
    sound = store.disk;
  });

  function contents(data: MemoryKeyValue): string[] {
    const dump = (table: Table) => [...data.range(table, everything)].map(([k, v]) => `${k.toHex()} ${v.toHex()}`);
    return (['heads', 'origins', 'segments', 'tiles', 'quarantine'] as const).flatMap(dump);
  }

  function pick(table: Table, random: SeededRandom): KeyValue {
    const pairs = [...sound.range(table, everything)];
    return pairs[random.below(pairs.length)] ?? assert.fail();
  }

  it('leaves sound logs alone', async () => {
    const before = contents(sound);
    assert.deepEqual(await recoverLogs(sound, checks, 0), []);
    assert.deepEqual(contents(sound), before);
  });

  it('restores a head with any flipped bit, or without a record, from the last segment', async () => {
    const random = new SeededRandom(1);
    const before = contents(sound);
    for (let round = 0; round < 30; round++) {
      const [key, value] = pick('heads', random);
      const bit = random.below(value.length * 8);
      const flipped = value.with(bit >>> 3, (value[bit >>> 3] ?? 0) ^ (1 << (bit & 7)));
      await sound.write([{ table: 'heads', key, value: round % 5 === 4 ? undefined : flipped }]);
      assert.deepEqual(await recoverLogs(sound, checks, 0), [key.toHex()], `bit ${bit}`);
      assert.deepEqual(contents(sound), before);
    }
  });

  it('computes a tree anew whose next root would be wrong', async () => {
    const before = contents(sound);
    const tiles = [...sound.range('tiles', everything)];
    let recovered = 0;
    for (const [key, value] of tiles) {
      // The last node of a tile is one of the tree's peaks, unless the tile is full.
      await sound.write([{ table: 'tiles', key, value: value.with(-1, (value.at(-1) ?? 0) ^ 1) }]);
      recovered += (await recoverLogs(sound, checks, 0)).length;
      await sound.write([{ table: 'tiles', key, value }]);
      assert.deepEqual(contents(sound), before);
    }
    assert.ok(recovered >= 2);
  });

  it('does not start from a log whose end cannot be known', async () => {
    const [key, value] = [...sound.range('heads', everything)].find(([id]) => id.toHex() === alice.id) ?? assert.fail();
    await sound.write([
      { table: 'heads', key, value: value.with(3, 9) },
      { table: 'segments', key: seqKey(alice.id, 90), value: Uint8Array.of(1) },
    ]);
    await assert.rejects(recoverLogs(sound, checks, 0), (error) => {
      assert.ok(error instanceof DataDamage);
      return /grapevine fsck/.test(error.message);
    });
  });
});
