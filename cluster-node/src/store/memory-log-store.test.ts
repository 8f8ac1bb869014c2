import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { OriginLog, type TestMessage } from '@grapevine/test/fixtures/origin-log.ts';
import { fastTreeHash } from './fast-tree-hash.ts';
import { IndexedLogStore } from './indexed-log-store.ts';
import type { CheckedSegment } from './log-store.ts';
import { MemoryKeyValue } from './memory-key-value.ts';
import { MemoryLogStore } from './memory-log-store.ts';

function idOf({ leafHashes }: CheckedSegment, i: number): string {
  return leafHashes.subarray(32 * i, 32 * (i + 1)).toHex();
}

/** Messages enough for the indexes to flush what they have in memory. */
function many(): TestMessage[][] {
  return Array.from({ length: 20 }, (_, n) => Array.from({ length: 250 }, (_, i) => ({ idempotencyKey: `${n}/${i}` })));
}

describe('a log store on a disk that is held', () => {
  test('shows nothing of a commit before it is flushed (L1)', async () => {
    const store = await MemoryLogStore.open(fastTreeHash);
    const { log, disk } = store;
    const origin = new OriginLog('a');
    await log.commit([origin.segment([{ topic: 'old' }])]);
    disk.hold();
    const pending = origin.segment([{ topic: 'new', idempotencyKey: 'k' }, { topic: 'old' }]);
    const committed = log.commit([pending]);
    // Projected, and on its way to the disk.
    while (!disk.waiting) await Promise.resolve();
    const { views } = log;
    assert.deepEqual(views.vector(), new Map([[origin.id, 1]]));
    assert.equal(views.locate(idOf(pending, 0)), undefined);
    assert.equal(views.message(idOf(pending, 0)), undefined);
    assert.equal(views.byIdempotencyKey('ann', 'k'), undefined);
    assert.equal(views.topic('new'), undefined);
    assert.equal(views.topic('old')?.count, 1);
    assert.equal(views.page({ topic: 'old', limit: 9, direction: 'backward' }).items.length, 1);
    assert.equal(views.since(new Map(), new Set(), 9).items.length, 1);
    disk.release();
    await committed;
    assert.equal(views.locate(idOf(pending, 0))?.seq, 1);
    assert.equal(views.byIdempotencyKey('ann', 'k')?.entry.seq, 1);
  });

  test('has after a crash what was flushed, and goes on from there', async () => {
    const origin = new OriginLog('a');
    let store = await MemoryLogStore.open(fastTreeHash);
    const segments = many().map((messages) => origin.segment(messages));
    const kept = segments.slice(0, 18);
    for (const segment of kept) await store.log.commit([segment]);
    store.disk.hold();
    const lost = store.log.commit(segments.slice(18));
    while (!store.disk.waiting) await Promise.resolve();
    store = await store.crash();
    assert.equal(store.log.views.count(), 18 * 250);
    assert.equal(store.log.views.locate(idOf(kept[17] ?? fail(), 249))?.seq, 18 * 250 - 1);
    assert.equal(store.log.views.locate(idOf(segments[18] ?? fail(), 0)), undefined);
    await store.log.commit(segments.slice(18));
    assert.equal(store.log.views.locate(idOf(segments[19] ?? fail(), 7))?.seq, 19 * 250 + 7);
    assert.equal(await Promise.race([lost.then(() => 'acknowledged'), Promise.resolve('lost')]), 'lost');
  });

  test('takes nothing of commits that failed, and those that follow when they are made anew', async () => {
    const { log, disk } = await MemoryLogStore.open(fastTreeHash);
    const [first, ...rest] = many();
    const origin = new OriginLog('a');
    const segment = origin.segment(first ?? []);
    await log.commit([segment]);
    disk.hold();
    const later = rest.map((messages) => origin.segment(messages));
    const commits = later.map((one) => log.commit([one]));
    const outcomes = Promise.allSettled(commits);
    while (!disk.waiting) await Promise.resolve();
    disk.fail(new GrapevineError('UNAVAILABLE', 'The disk is full.'));
    disk.release();
    for (const outcome of await outcomes) {
      assert.ok(outcome.status === 'rejected' && /disk is full/.test(String(outcome.reason)));
    }
    assert.equal(log.views.count(), 250);
    assert.equal(log.views.locate(idOf(later[0] ?? fail(), 0)), undefined);
    assert.equal(log.views.locate(idOf(segment, 3))?.seq, 3);
    for (const one of later) await log.commit([one]);
    assert.equal(log.views.count(), 20 * 250);
    assert.equal(log.views.locate(idOf(later[18] ?? fail(), 1))?.seq, 19 * 250 + 1);
    assert.equal(log.views.byIdempotencyKey('ann', '19/249')?.entry.seq, 20 * 250 - 1);
  });
});

describe('a log store on data that does not fit', () => {
  const schema = { table: 'meta', key: new TextEncoder().encode('schema') } as const;
  const opening = async (disk: MemoryKeyValue) => {
    try {
      await IndexedLogStore.open(disk, fastTreeHash);
      return 'open';
    } catch (error) {
      return error instanceof GrapevineError ? error.code : error;
    }
  };

  test('is refused when the layout is another one', async () => {
    const disk = new MemoryKeyValue();
    await disk.write([{ ...schema, value: Uint8Array.of(0, 2) }]);
    assert.equal(await opening(disk), 'DATA_FORMAT_UNKNOWN');
  });

  test('is damaged when the mark of the layout is broken or gone', async () => {
    const { log, disk } = await MemoryLogStore.open(fastTreeHash);
    await log.commit([new OriginLog('a').segment([{}])]);
    assert.equal(await opening(disk.copy()), 'open');
    for (const value of [undefined, Uint8Array.of(1)]) {
      const copy = disk.copy();
      await copy.write([{ ...schema, value }]);
      assert.equal(await opening(copy), 'DATA_DAMAGED');
    }
  });
});

function fail(): never {
  throw new Error('The test is wrong.');
}
