import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { ManualClock } from '@grapevine/shared/clock.ts';
import type { RetentionRule } from '@grapevine/shared/config/schema.ts';
import { createLogger } from '@grapevine/shared/logging.ts';
import { OriginLog } from '@grapevine/test/fixtures/origin-log.ts';
import type { DataDamage } from '../store/damage.ts';
import { fastTreeHash } from '../store/fast-tree-hash.ts';
import { seqKey } from '../store/keys.ts';
import type { LogStore } from '../store/log-store.ts';
import { MemoryLogStore } from '../store/memory-log-store.ts';
import { databaseFolder, openNodeStore } from '../store/node-store.ts';
import { Retention } from './retention.ts';
import { RetentionRules } from './rules.ts';

function retentionOf(store: LogStore, rules: readonly RetentionRule[], clock = new ManualClock()) {
  const damage: DataDamage[] = [];
  const retention = new Retention({
    rules: new RetentionRules(rules),
    store,
    hash: fastTreeHash,
    clock,
    log: createLogger({ name: 'test', level: 'silent' }),
    onDamage: (one) => damage.push(one),
  });
  const run = async (): Promise<void> => {
    while (await retention.slice()) assert.ok(damage.length < 100, 'it comes to an end');
  };
  return { retention, damage, run };
}

describe('rules', () => {
  const rules = new RetentionRules([
    { topics: 'a/exact', maxBytes: 5 },
    { topics: 'a/*', maxAgeSeconds: 60 },
    { topics: 'keep*' },
    { topics: '*', maxAgeSeconds: 5, maxBytes: 9 },
  ]);

  test('are found by name or beginning, the first one first', () => {
    const found = ['a/exact', 'a/exactly', 'a', 'a/', 'keep', 'keeper', 'kee'].map((topic) => rules.of(topic)?.topics);
    assert.deepEqual(found, ['a/exact', 'a/*', '*', 'a/*', 'keep*', 'keep*', '*']);
    assert.equal(new RetentionRules([{ topics: 'a' }]).of('b'), undefined);
  });

  test('know their ages', () => {
    assert.deepEqual([rules.agesSeconds, rules.smallestAgeMs, rules.hasSizes], [[5, 60], 5_000, true]);
    const none = new RetentionRules([]);
    assert.deepEqual([none.agesSeconds, none.smallestAgeMs, none.hasSizes], [[], Number.POSITIVE_INFINITY, false]);
  });
});

describe('retention and damage', () => {
  const everything = [{ topics: '*', maxAgeSeconds: 1 }];
  const clock = new ManualClock(1_800_000_000_000);

  async function damagedStore(change: (bytes: Uint8Array) => Uint8Array | undefined) {
    const store = await MemoryLogStore.open(fastTreeHash);
    const origin = new OriginLog('a');
    for (let i = 0; i < 3; i++) await store.log.commit([origin.segment([{}, {}])]);
    const key = seqKey(origin.id, 2);
    const sound = store.disk.get('segments', key) ?? assert.fail();
    await store.disk.write([{ table: 'segments', key, value: change(sound) }]);
    const mend = () => store.disk.write([{ table: 'segments', key, value: sound }]);
    return { log: store.log, mend };
  }

  for (const [what, change] of [
    ['cannot be read', (bytes: Uint8Array) => bytes.subarray(0, 20)],
    ['has other bytes than the tree names', (bytes: Uint8Array) => bytes.with(-1, 0)],
  ] as const) {
    test(`a segment that ${what} is passed over and reported, and erased a day later if it is mended`, async () => {
      const { log, mend } = await damagedStore(change);
      const { retention, damage, run } = retentionOf(log, everything, clock);
      await run();
      assert.deepEqual([damage.length, retention.skipped, retention.counts[0]?.entries], [1, 1, 4]);
      assert.ok([2, 3].includes(damage[0]?.place?.seq ?? -1));
      await mend();
      await run();
      assert.equal(log.views.topic('news')?.count, 2);
      clock.advance(25 * 3_600_000);
      await run();
      assert.equal(log.views.topic('news'), undefined);
    });
  }

  test('one that is missing is passed over', async () => {
    const { log } = await damagedStore(() => undefined);
    const { retention, run } = retentionOf(log, everything, clock);
    await run();
    assert.equal(retention.counts[0]?.entries, 4);
  });

  test('by size, nothing newer goes in the stead of what cannot be read', async () => {
    const { log } = await damagedStore((bytes) => bytes.subarray(0, 20));
    const { retention, damage, run } = retentionOf(log, [{ topics: '*', maxBytes: 1 }]);
    await run();
    assert.deepEqual([damage.length > 0, retention.counts[0]?.entries], [true, 2]);
    assert.equal(log.views.entry(new OriginLog('a').id, 4)?.entry.topic, 'news');
  });
});

test('the space of bodies is used again: under steady publishing the file grows by hashes only', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'grapevine-retention-'));
  const store = await openNodeStore(folder);
  const origin = new OriginLog('a');
  const body = 'x'.repeat(4_000);
  const { run } = retentionOf(store.log, [{ topics: '*', maxBytes: 2 * 1024 * 1024 }]);
  const messages = Array.from({ length: 15 }, () => ({ body }));
  const publish = async (segments: number): Promise<number> => {
    for (let i = 0; i < segments; i++) {
      await store.log.commit([origin.segment(messages)]);
      if (i % 5 === 0) await run();
    }
    return statSync(join(databaseFolder(folder), 'data.mdb')).size;
  };
  // How large it grows at first depends on how much is taken over at once: the busier the machine, the more.
  const before = await publish(300);
  const after = await publish(400);
  const published = 400 * messages.length * body.length;
  assert.ok(after - before < published / 8, `${published} bytes were published, the file grew by ${after - before}`);
  await store.close();
  rmSync(folder, { recursive: true });
});
