import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { KeyValue, Table } from '@grapevine/cluster-node/store/key-value.ts';
import { rootAt } from '@grapevine/shared/merkle/tree-reader.ts';
import { SeededRandom } from '@grapevine/shared/random.ts';
import { OriginLog, startHlc, type TestMessage } from '@grapevine/test/fixtures/origin-log.ts';
import { Problems } from '../fsck/problems.ts';
import { checkData } from '../fsck.ts';
import { readAgeCursor, writeAgeCursor } from '../retention/progress.ts';
import { DataDamage } from '../store/damage.ts';
import { nodeHeadVerifier } from '../store/ed25519.ts';
import { fastTreeHash } from '../store/fast-tree-hash.ts';
import { everything, seqKey } from '../store/keys.ts';
import type { CheckedSegment } from '../store/log-store.ts';
import { MemoryLogStore } from '../store/memory-log-store.ts';
import { listQuarantined } from '../store/quarantine.ts';
import { eraseEntries } from '../views/erasure.ts';
import { createScrubber, segmentsOf } from './scrubber.fixture.ts';
import type { Scrubber } from './scrubber.ts';

/** For anything that is waited for, in milliseconds. */
const patienceMs = 30_000;

const alice = new OriginLog('alice');
const bob = new OriginLog('bob', startHlc + 10_000n);
const segments: readonly CheckedSegment[] = [
  alice.segment(messages(70)),
  alice.segment([{ body: 'the precious one', idempotencyKey: 'k' }, { erased: true }, {}]),
  ...Array.from({ length: 6 }, (_, i) => alice.segment(messages(1 + 13 * i))),
  bob.segment(messages(5)),
  bob.segment([{ idempotencyKey: 'k' }]),
];
const precious = { origin: alice.id, seq: 70 };

function messages(count: number): TestMessage[] {
  return Array.from({ length: count }, () => ({}));
}

async function storeWith(all: readonly CheckedSegment[]): Promise<MemoryLogStore> {
  const store = await MemoryLogStore.open(fastTreeHash);
  for (const segment of all) await store.log.commit([segment]);
  return store;
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + patienceMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`Waited in vain until ${condition.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** One flipped bit of a stored value. */
function flipped(value: Uint8Array, bit: number): Uint8Array {
  return value.with(bit >>> 3, (value[bit >>> 3] ?? 0) ^ (1 << (bit & 7)));
}

function fsck(store: MemoryLogStore): string[] {
  const problems = new Problems();
  checkData(store.disk, { hash: fastTreeHash, verifier: nodeHeadVerifier }, problems);
  return problems.list();
}

function contents(store: MemoryLogStore, table: Table): [string, string][] {
  return [...store.disk.range(table, everything)].map(([key, value]) => [key.toHex(), value.toHex()]);
}

function pick(store: MemoryLogStore, table: Table, random: SeededRandom): KeyValue {
  const pairs = [...store.disk.range(table, everything)];
  const pair = pairs[random.below(pairs.length)];
  assert.ok(pair !== undefined);
  return pair;
}

describe('the scrub', () => {
  let store: MemoryLogStore;
  let peer: MemoryLogStore;
  let scrubber: Scrubber | undefined;

  beforeEach(async () => {
    store = await storeWith(segments);
    peer = await storeWith(segments);
  });
  afterEach(async () => {
    await scrubber?.stop();
    scrubber = undefined;
  });

  async function twoPasses(): Promise<void> {
    const { counts } = scrubber ?? assert.fail('it has not been started');
    const before = counts.passes;
    await until(() => counts.passes >= before + 2);
  }

  it('finds nothing wrong with sound data, erased entries included', async () => {
    scrubber = createScrubber(store.log);
    scrubber.start();
    await twoPasses();
    const { quarantined, found, treeNodes } = scrubber.counts;
    assert.deepEqual({ quarantined, found, treeNodes }, { quarantined: 0, found: 0, treeNodes: 0 });
    assert.deepEqual(contents(store, 'tiles'), contents(peer, 'tiles'));
  });

  it('takes a segment with any flipped bit out of service, and puts back what a peer has', async () => {
    const random = new SeededRandom(3);
    const sound = contents(store, 'segments');
    scrubber = createScrubber(store.log, segmentsOf(peer.log));
    scrubber.start();
    for (let round = 1; round <= 40; round++) {
      const [key, value] = pick(store, 'segments', random);
      const bit = random.below(value.length * 8);
      await store.disk.write([{ table: 'segments', key, value: flipped(value, bit) }]);
      await until(() => scrubber?.counts.mended === round);
      assert.deepEqual(contents(store, 'segments'), sound, `bit ${bit} of ${key.toHex()}`);
    }
    await until(() => scrubber?.counts.quarantined === 0);
    assert.deepEqual(fsck(store), []);
  });

  it('puts nodes of trees right, whatever bit is flipped or tile lost', async () => {
    const random = new SeededRandom(4);
    const sound = contents(store, 'tiles');
    scrubber = createScrubber(store.log);
    scrubber.start();
    for (let round = 0; round < 40; round++) {
      const [key, value] = pick(store, 'tiles', random);
      const damagedTile = round % 4 === 3 ? undefined : flipped(value, random.below(value.length * 8));
      await store.disk.write([{ table: 'tiles', key, value: damagedTile }]);
      await twoPasses();
      assert.deepEqual(contents(store, 'tiles'), sound, key.toHex());
    }
    assert.equal(scrubber.counts.found, 0, 'no segment was blamed');
  });

  it('tells a wrong segment from a wrong tree when both are damaged', async () => {
    const random = new SeededRandom(5);
    const sound = [contents(store, 'tiles'), contents(store, 'segments')];
    scrubber = createScrubber(store.log, segmentsOf(peer.log));
    scrubber.start();
    for (let round = 0; round < 20; round++) {
      for (const table of ['tiles', 'segments'] as const) {
        const [key, value] = pick(store, table, random);
        await store.disk.write([{ table, key, value: flipped(value, random.below(value.length * 8)) }]);
      }
      await twoPasses();
      await until(() => scrubber?.counts.quarantined === 0);
      await twoPasses();
      assert.deepEqual([contents(store, 'tiles'), contents(store, 'segments')], sound, `round ${round}`);
    }
    assert.ok(scrubber.counts.found <= 20, 'sound segments were not blamed');
  });

  it('mends a stretch of several lost segments, one after the other', async () => {
    const sound = contents(store, 'segments');
    for (const seq of [70, 73, 74]) {
      await store.disk.write([{ table: 'segments', key: seqKey(alice.id, seq), value: undefined }]);
    }
    scrubber = createScrubber(store.log, segmentsOf(peer.log));
    scrubber.start();
    await until(() => scrubber?.counts.mended === 3);
    assert.deepEqual(contents(store, 'segments'), sound);
    assert.deepEqual(fsck(store), []);
  });

  it('keeps a segment that nobody has in quarantine, visible and unserved, also after a restart', async () => {
    const key = seqKey(alice.id, 70);
    const value = store.disk.get('segments', key) ?? assert.fail();
    const wrong = flipped(value, value.length * 8 - 3);
    await store.disk.write([{ table: 'segments', key, value: wrong }]);
    scrubber = createScrubber(store.log);
    scrubber.start();
    await until(() => scrubber?.counts.quarantined === 1);
    await scrubber.stop();
    for (const { log } of [store, await store.crash()]) {
      const { views } = log;
      assert.throws(() => views.entry(precious.origin, precious.seq), DataDamage);
      assert.throws(() => views.page({ topic: 'news', limit: 100, direction: 'forward' }), DataDamage);
      assert.throws(() => views.since(new Map([[alice.id, 70]]), new Set(), 10), DataDamage);
      assert.throws(() => views.byIdempotencyKey('ann', 'k'), DataDamage);
      assert.deepEqual(log.segmentsFrom(alice.id, 70, 1e9), []);
      assert.equal(log.segmentsFrom(alice.id, 0, 1e9).length, 1, 'what is before it is served');
      assert.equal(log.segmentsFrom(alice.id, 73, 1e9).length, 6, 'what is behind it is served');
      const [record] = listQuarantined(log.flushed);
      assert.deepEqual([record?.firstSeq, record?.endSeq, record?.bytes.toHex()], [70, 73, wrong.toHex()]);
    }
  });

  it('takes nothing from a peer but what the log has there', async () => {
    const key = seqKey(alice.id, 70);
    const value = store.disk.get('segments', key) ?? assert.fail();
    const other = new OriginLog('alice');
    other.segment(messages(70));
    const branch = other.segment([{ body: 'another story' }, {}, {}]).segment.bytes;
    const forgeries = [branch, flipped(value, 1000), segments[0]?.segment.bytes ?? branch, Uint8Array.of(1)];
    let offered = 0;
    await store.disk.write([{ table: 'segments', key, value: undefined }]);
    scrubber = createScrubber(store.log, async function* () {
      for (const bytes of forgeries) yield { peer: 'liar', bytes };
      offered += 1;
    });
    scrubber.start();
    await until(() => offered >= 2);
    assert.equal(scrubber.counts.quarantined, 1);
    assert.ok(scrubber.counts.refused >= forgeries.length);
    assert.equal(store.disk.get('segments', key), undefined);
  });

  it('prefers a copy from which retention has taken nothing', async () => {
    const [key, whole] = [seqKey(alice.id, 0), segments[0]?.segment.bytes ?? assert.fail()];
    const other = new OriginLog('alice');
    const partial = other.segment(messages(70).map((message, i) => (i === 3 ? { erased: true } : message))).segment
      .bytes;
    await store.disk.write([{ table: 'segments', key, value: undefined }]);
    scrubber = createScrubber(store.log, async function* () {
      for (const bytes of [partial, whole]) yield { peer: 'peer', bytes };
    });
    scrubber.start();
    await until(() => scrubber?.counts.mended === 1);
    assert.deepEqual(store.disk.get('segments', key), whole);
  });

  it('looks at once at what a reader stumbled over', async () => {
    scrubber = createScrubber(store.log, segmentsOf(peer.log));
    const key = seqKey(alice.id, 70);
    const value = store.disk.get('segments', key) ?? assert.fail();
    await store.disk.write([{ table: 'segments', key, value: flipped(value, value.length * 8 - 3) }]);
    try {
      store.log.views.entry(alice.id, 72);
      assert.fail('damaged data was shown');
    } catch (error) {
      assert.ok(error instanceof DataDamage);
      scrubber.suspect(error);
    }
    scrubber.start();
    await until(() => scrubber?.counts.mended === 1);
    assert.equal(scrubber.counts.passes, 0);
    assert.equal(store.log.views.entry(alice.id, 72)?.entry.seq, 72);
  });

  it('settles who owns an idempotency key when its first message is mended', async () => {
    const own = new OriginLog('carol', startHlc + 20_000n);
    const late = own.segment([{ idempotencyKey: 'k' }, { idempotencyKey: 'new' }]);
    await store.disk.write([{ table: 'segments', key: seqKey(alice.id, 70), value: undefined }]);
    await peer.log.commit([late]);
    await store.log.commit([late]);
    scrubber = createScrubber(store.log, segmentsOf(peer.log));
    scrubber.start();
    await until(() => scrubber?.counts.mended === 1);
    assert.deepEqual(store.log.views.topic('news'), peer.log.views.topic('news'));
    assert.equal(store.log.views.byIdempotencyKey('ann', 'k')?.entry.origin, alice.id);
    assert.deepEqual(fsck(store), []);
  });
});

describe('mending from a peer whose retention came first', () => {
  it('takes the erased form, and the views become what the logs make them', async () => {
    const [store, peer] = [await storeWith(segments), await storeWith(segments)];
    const [topics, lost] = [['news', 'more'], new OriginLog('erin', startHlc - 5_000n)];
    const first = lost.segment([...topics.map((topic) => ({ topic })), { topic: 'news', idempotencyKey: 'k' }]);
    for (const { log } of [store, peer]) await log.commit([first]);
    await peer.log.maintain((batch, indexes) => {
      eraseEntries(batch, indexes, fastTreeHash, first.segment, [1, 2]);
    });
    await store.disk.write([{ table: 'segments', key: seqKey(lost.id, 0), value: undefined }]);
    const scrubber = createScrubber(store.log, segmentsOf(peer.log));
    scrubber.start();
    await until(() => scrubber.counts.mended === 1);
    await scrubber.stop();
    for (const table of ['topics', 'postings', 'hidden', 'segments'] as const) {
      assert.deepEqual(contents(store, table), contents(peer, table), table);
    }
    assert.deepEqual(fsck(store), []);
  });
});

describe('mending from a peer whose retention has not come yet', () => {
  it('takes the bodies back, and the views show them', async () => {
    const [store, peer] = [await storeWith(segments), await storeWith(segments)];
    const returned = new OriginLog('erin', startHlc - 5_000n);
    const first = returned.segment([{ topic: 'news' }, { topic: 'more' }, { topic: 'news', idempotencyKey: 'k' }]);
    for (const { log } of [store, peer]) await log.commit([first]);
    await store.log.maintain((batch, indexes) => {
      eraseEntries(batch, indexes, fastTreeHash, first.segment, [1, 2]);
      writeAgeCursor(batch, 60, returned.id, 3);
    });
    await store.disk.write([{ table: 'segments', key: seqKey(returned.id, 0), value: undefined }]);
    const scrubber = createScrubber(store.log, segmentsOf(peer.log));
    scrubber.start();
    await until(() => scrubber.counts.mended === 1);
    await scrubber.stop();
    for (const table of ['topics', 'postings', 'hidden', 'segments'] as const) {
      assert.deepEqual(contents(store, table), contents(peer, table), table);
    }
    assert.equal(readAgeCursor(store.disk, 60, returned.id), 0, 'retention looks at them again');
    assert.deepEqual(fsck(store), []);
  });
});

describe('a log with a stretch in quarantine', () => {
  it('still has the tree that its head names, and grows', async () => {
    const writer = new OriginLog('dave');
    const first = writer.segment(messages(3));
    const store = await storeWith([first]);
    await store.disk.write([{ table: 'segments', key: seqKey(writer.id, 0), value: undefined }]);
    const next = writer.segment(messages(4));
    await store.log.commit([next]);
    const root = rootAt(store.log.tree(writer.id), fastTreeHash, 7);
    assert.deepEqual(root.toHex(), writer.root().toHex());
    assert.equal(store.log.views.entry(writer.id, 4)?.entry.seq, 4);
  });
});
