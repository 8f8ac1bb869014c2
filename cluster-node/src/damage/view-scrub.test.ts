import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { systemClock } from '@grapevine/shared/clock.ts';
import { createLogger } from '@grapevine/shared/logging.ts';
import { SeededRandom } from '@grapevine/shared/random.ts';
import { OriginLog, startHlc, type TestMessage } from '@grapevine/test/fixtures/origin-log.ts';
import { Problems } from '../fsck/problems.ts';
import { checkData } from '../fsck.ts';
import { nodeHeadVerifier } from '../store/ed25519.ts';
import { fastTreeHash } from '../store/fast-tree-hash.ts';
import type { KeyValue, Table } from '../store/key-value.ts';
import { everything, metaKey, postingKey, seqKey, topicKey } from '../store/keys.ts';
import type { CheckedSegment } from '../store/log-store.ts';
import { MemoryLogStore } from '../store/memory-log-store.ts';
import { Mender } from './mender.ts';
import { createScrubber } from './scrubber.fixture.ts';
import type { Scrubber } from './scrubber.ts';
import { scrubTopics } from './topic-scrub.ts';

const patienceMs = 30_000;
const alice = new OriginLog('alice');
const bob = new OriginLog('bob', startHlc + 10_000n);
const segments: readonly CheckedSegment[] = [
  alice.segment([...messages(30), { topic: 'more' }, { idempotencyKey: 'k' }, { idempotencyKey: 'l' }]),
  alice.segment([{ topic: 'more' }, { erased: true }, {}]),
  // More than are counted in one turn.
  ...Array.from({ length: 12 }, () => alice.segment(messages(200))),
  bob.segment([{}, { idempotencyKey: 'k' }, { topic: 'more', idempotencyKey: 'l' }]),
];
const viewTables: readonly Table[] = ['topics', 'postings', 'hidden'];

function messages(count: number): TestMessage[] {
  return Array.from({ length: count }, () => ({}));
}

function contents(store: MemoryLogStore): unknown {
  return viewTables.map((table) => [...store.disk.range(table, everything)].map((pair) => pair.map((b) => b.toHex())));
}

function fsck(store: MemoryLogStore): string[] {
  const problems = new Problems();
  checkData(store.disk, { hash: fastTreeHash, verifier: nodeHeadVerifier }, problems);
  return problems.list();
}

describe('a scrub of views', () => {
  let store: MemoryLogStore;
  let scrubber: Scrubber | undefined;

  beforeEach(async () => {
    store = await MemoryLogStore.open(fastTreeHash);
    for (const segment of segments) await store.log.commit([segment]);
    // So that the indexes are on the disk, where damage happens.
    await store.log.maintain((batch, indexes) => indexes.flush(batch));
    store = await store.crash();
  });
  afterEach(() => scrubber?.stop());

  async function scrub(passes: number): Promise<Scrubber> {
    const started = createScrubber(store.log);
    scrubber = started;
    started.start();
    const deadline = performance.now() + patienceMs;
    while (started.counts.passes < passes) {
      if (performance.now() > deadline) throw new Error(`Waited in vain for ${passes} passes.`);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    await started.stop();
    return started;
  }

  function all(table: Table): readonly KeyValue[] {
    return [...store.disk.range(table, everything)];
  }

  it('finds nothing where nothing is wrong, also while messages come', async () => {
    const before = contents(store);
    const late = new OriginLog('carol', startHlc - 5_000n);
    const coming = Array.from({ length: 60 }, (_, i) =>
      late.segment([{}, { topic: `t${i % 5}` }, { idempotencyKey: 'k' }]),
    );
    const committed = (async () => {
      for (const segment of coming) await store.log.commit([segment]);
    })();
    const { counts } = await scrub(3);
    await committed;
    assert.equal(counts.viewRecords, 0);
    assert.notDeepEqual(contents(store), before);
    assert.deepEqual(fsck(store), []);
  });

  it('takes messages that come behind a count for no damage', async () => {
    const late = new OriginLog('carol', startHlc - 5_000n);
    const log = createLogger({ name: 'test', level: 'silent' });
    const checks = { hash: fastTreeHash, verifier: nodeHeadVerifier };
    const mender = new Mender({ store: store.log, checks, source: async function* () {}, clock: systemClock, log });
    let steps = 0;
    // Each time that the count lets others have their turn: both walks over the large topic are disturbed.
    for await (const _ of scrubTopics(store.log, mender)) {
      await store.log.commit([late.segment([{}, {}])]);
      steps += 1;
    }
    assert.ok(steps > 4, `${steps} steps`);
    assert.equal(mender.counts.viewRecords, 0);
    assert.deepEqual(fsck(store), []);
  });

  const posting = (): KeyValue => all('postings').find(([, value]) => value.length > 20) ?? assert.fail();
  const news = topicKey('news');
  const damages: readonly (readonly [string, () => Parameters<MemoryLogStore['disk']['write']>[0]])[] = [
    ['a posting that is missing', () => [{ table: 'postings', key: posting()[0], value: undefined }]],
    [
      'a posting with other entries',
      () => [{ table: 'postings', key: posting()[0], value: posting()[1].with(9, 200) }],
    ],
    ['a posting that is cut off', () => [{ table: 'postings', key: posting()[0], value: Uint8Array.of(1) }]],
    [
      'a posting of which no log knows',
      () => [
        {
          table: 'postings',
          key: postingKey('news', { hlc: startHlc, origin: 'ee'.repeat(16), firstSeq: 0 }),
          value: posting()[1],
        },
      ],
    ],
    [
      'a posting in a topic that its entries are not of',
      () => [{ table: 'postings', key: Uint8Array.of(0x7a, ...posting()[0].subarray(4)), value: posting()[1] }],
    ],
    ['a key that is no posting', () => [{ table: 'postings', key: Uint8Array.of(0xff, 0xfe), value: posting()[1] }]],
    ['a topic that is not listed', () => [{ table: 'topics', key: news, value: undefined }]],
    ['a topic that does not exist', () => [{ table: 'topics', key: topicKey('none'), value: all('topics')[0]?.[1] }]],
    [
      'a topic with a wrong digest',
      () => [{ table: 'topics', key: news, value: store.disk.get('topics', news)?.with(20, 1) }],
    ],
    [
      'a topic with a wrong newest message',
      () => [{ table: 'topics', key: news, value: store.disk.get('topics', news)?.with(50, 9) }],
    ],
    ['the record of a topic that is cut off', () => [{ table: 'topics', key: news, value: Uint8Array.of(1) }]],
    ['a duplicate that is not marked', () => [{ table: 'hidden', key: seqKey(bob.id, 1), value: undefined }]],
    ['a message that is hidden', () => [{ table: 'hidden', key: seqKey(alice.id, 3), value: new Uint8Array(0) }]],
  ];
  for (const [what, damage] of damages) {
    it(`puts right ${what}`, async () => {
      const before = contents(store);
      await store.disk.write(damage());
      assert.notDeepEqual(contents(store), before);
      // Whether somebody else owns a key is looked up of one segment in sixteen at a time.
      const { counts } = await scrub(what === 'a duplicate that is not marked' ? 16 : 1);
      assert.ok(counts.viewRecords > 0);
      assert.deepEqual(contents(store), before);
      assert.deepEqual(fsck(store), []);
    });
  }

  it('has messages found by id and key again when an index lost them, also after a restart', async () => {
    const random = new SeededRandom(1);
    for (const [key, value] of all('runs')) {
      if (value.length < 1_000) continue;
      // The first byte of some records, so that the run is no longer in order either.
      const changed = value.slice();
      for (let i = 0; i < 20; i++) changed[16 * random.below(Math.floor(value.length / 16))] = random.below(256);
      await store.disk.write([{ table: 'runs', key, value: changed }]);
    }
    store = await store.crash();
    assert.ok(fsck(store).length > 0);
    const { counts } = await scrub(1);
    assert.ok(counts.viewRecords > 0);
    store = await store.crash();
    assert.deepEqual(fsck(store), []);
    assert.equal((await scrub(1)).counts.viewRecords, 0);
  });

  it('goes on with all else when an index cannot be read at all', async () => {
    const before = contents(store);
    const [key] = posting();
    await store.disk.write([
      { table: 'meta', key: metaKey('runs/0'), value: Uint8Array.of(1) },
      { table: 'postings', key, value: undefined },
    ]);
    const { counts } = await scrub(1);
    assert.equal(counts.viewRecords, 1);
    assert.deepEqual(contents(store), before);
  });

  it('looks everything up once a message was found to be lost that breaks no order', async () => {
    const runs = all('runs').filter(([, value]) => value.length >= 1_000);
    for (const [key, value] of runs) {
      const changed = value.slice();
      // The last bytes of what is known of a hash: nothing that comes before or after is as close.
      for (let at = 7; at < value.length; at += 16 * 40) changed[at] = (changed[at] ?? 0) ^ 1;
      await store.disk.write([{ table: 'runs', key, value: changed }]);
    }
    store = await store.crash();
    const lost = fsck(store).length;
    assert.ok(lost > 20);
    const { counts } = await scrub(8);
    assert.equal(counts.viewRecords, lost);
    assert.deepEqual(fsck(store), []);
  });
});
