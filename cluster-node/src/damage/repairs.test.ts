import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import type { Fork } from '@grapevine/shared/contracts/node-api.ts';
import { type RepairReport, type RepairRequestInput, repairRequestSchema } from '@grapevine/shared/contracts/repair.ts';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { OriginLog, startHlc } from '@grapevine/test/fixtures/origin-log.ts';
import { fastTreeHash } from '../store/fast-tree-hash.ts';
import type { Table } from '../store/key-value.ts';
import { everything, seqKey } from '../store/keys.ts';
import type { CheckedSegment } from '../store/log-store.ts';
import { MemoryLogStore } from '../store/memory-log-store.ts';
import type { CopySource } from './mender.ts';
import type { Repairs } from './repairs.ts';
import { createRepairs, segmentsOf } from './scrubber.fixture.ts';

const alice = new OriginLog('alice');
const bob = new OriginLog('bob', startHlc + 10_000n);
const segments: readonly CheckedSegment[] = [
  ...Array.from({ length: 5 }, () => alice.segment([{}, {}, {}])),
  bob.segment([{}, {}]),
];
const tables: readonly Table[] = ['segments', 'tiles', 'quarantine'];

describe('a repair', () => {
  let store: MemoryLogStore;
  let peer: MemoryLogStore;

  beforeEach(async () => {
    [store, peer] = [await storeWith(segments), await storeWith(segments)];
  });

  it('mends what is in quarantine and what it finds, and tells of each log', async () => {
    const sound = contents(store, ['segments', 'tiles']);
    await damage(3);
    // Nobody can give the first one back: it is in quarantine when the next repair begins.
    const [before] = originsOf(await repair(createRepairs(store.log)), alice);
    assert.deepEqual([before?.state, before?.damaged, before?.mended], ['damaged', 1, 0]);
    assert.deepEqual(before?.left, [
      {
        firstSeq: 3,
        endSeq: 6,
        damage: 'Its entries do not give the root that its head names.',
        why: 'There is no peer to ask.',
      },
    ]);
    await damage(9);
    const [tile] = [...store.disk.range('tiles', everything)];
    assert.ok(tile !== undefined);
    await store.disk.write([{ table: 'tiles', key: tile[0], value: undefined }]);
    const report = await repair(createRepairs(store.log, segmentsOf(peer.log)));
    assert.deepEqual([report.node, report.dryRun, report.complete], ['node-1', false, true]);
    const [mended, untouched] = [...originsOf(report, alice), ...originsOf(report, bob)];
    assert.deepEqual([mended?.state, mended?.damaged, mended?.mended, mended?.left], ['mended', 2, 2, []]);
    assert.deepEqual([mended?.checked, mended?.size], [15, 15]);
    assert.ok(mended !== undefined && untouched !== undefined && mended.treeNodes + untouched.treeNodes > 0);
    assert.deepEqual(contents(store, ['segments', 'tiles']), sound);
    const again = await repair(createRepairs(store.log, segmentsOf(peer.log)));
    assert.deepEqual(
      again.origins.map(({ state }) => state),
      ['sound', 'sound'],
    );
  });

  it('changes nothing in a dry run', async () => {
    await damage(3);
    const before = contents(store, tables);
    const report = await repair(createRepairs(store.log, segmentsOf(peer.log)), { dryRun: true, from: 'node-2' });
    const [found] = originsOf(report, alice);
    assert.deepEqual([report.dryRun, found?.state, found?.damaged, found?.mended], [true, 'damaged', 1, 0]);
    assert.equal(found?.left[0]?.why, 'It would be fetched from node-2.');
    assert.deepEqual(contents(store, tables), before);
  });

  it('looks only at the log and asks only the peer that are named', async () => {
    await damage(3);
    const asked: unknown[] = [];
    const source: CopySource = async function* (origin, seq, from) {
      asked.push([origin, seq, from]);
      yield { peer: 'node-3', refusal: 'Node node-3 does not have this segment.' };
    };
    const repairs = createRepairs(store.log, source);
    const other = await repair(repairs, { origin: bob.id, from: 'node-3' });
    assert.deepEqual([other.origins.length, asked], [1, []]);
    const { origins } = await repair(repairs, { origin: alice.id, from: 'node-3' });
    assert.deepEqual(asked, [[alice.id, 3, 'node-3']]);
    assert.deepEqual(
      origins.map(({ left }) => left.map(({ why }) => why)),
      [['Node node-3 does not have this segment.']],
    );
  });

  it('stores nothing of what does not belong there, and says so', async () => {
    await damage(3);
    const branch = new OriginLog('alice');
    branch.segment([{}, {}, {}]);
    const forged = branch.segment([{ body: 'another story' }, {}, {}]).segment.bytes;
    const { origins } = await repair(
      createRepairs(store.log, async function* () {
        yield { peer: 'liar', bytes: forged };
      }),
    );
    assert.match(origins[0]?.left[0]?.why ?? '', /^Node liar sent something else: Segment .* of another branch/);
    assert.equal(store.disk.get('segments', seqKey(alice.id, 3)), undefined);
  });

  it('leaves a log with two histories alone', async () => {
    await damage(3);
    const before = contents(store, tables);
    const own = { id: '01'.repeat(32) } as Fork['own'];
    const fork = {
      origin: alice.id,
      seq: 7,
      own,
      other: { ...own, id: '02'.repeat(32) },
      peer: 'node-2',
      endedMs: null,
    };
    const forks = [fork as Fork, { ...fork, origin: bob.id, endedMs: 1 } as Fork];
    const report = await repair(createRepairs(store.log, segmentsOf(peer.log), { forks: () => forks }));
    assert.deepEqual(
      report.origins.map(({ origin, state }) => [origin, state]),
      [
        [alice.id, 'forked'],
        [bob.id, 'sound'],
      ],
    );
    assert.deepEqual(report.origins[0]?.fork, { seq: 7, own: own.id, other: '02'.repeat(32), peer: 'node-2' });
    assert.deepEqual(contents(store, tables), before);
  });

  it('is answered as far as it has come, goes on alone, and keeps others out until then', async () => {
    await damage(3);
    const { promise: isGiven, resolve: give } = Promise.withResolvers<void>();
    const { promise: isAsked, resolve: ask } = Promise.withResolvers<void>();
    const source: CopySource = async function* (origin, seq) {
      ask();
      await isGiven;
      yield* segmentsOf(peer.log)(origin, seq);
    };
    const repairs = createRepairs(store.log, source, { answerMs: 20 });
    const report = await repair(repairs);
    const [found] = originsOf(report, alice);
    assert.equal(report.complete, false);
    assert.notEqual(found?.state, 'mended');
    await assert.rejects(
      repair(repairs, { dryRun: true }),
      (error) => error instanceof GrapevineError && error.code === 'REPAIR_UNDER_WAY',
    );
    await isAsked;
    const stopped = repairs.stop();
    give();
    await stopped;
    assert.ok(store.disk.get('segments', seqKey(alice.id, 3)) !== undefined, 'what had been begun was ended');
  });

  async function damage(seq: number): Promise<void> {
    const key = seqKey(alice.id, seq);
    const value = store.disk.get('segments', key) ?? assert.fail();
    // In the middle of the last entry.
    const at = value.length - 3;
    await store.disk.write([{ table: 'segments', key, value: value.with(at, (value[at] ?? 0) ^ 1) }]);
  }
});

function repair(repairs: Repairs, request: RepairRequestInput = {}): Promise<RepairReport> {
  return repairs.repair(repairRequestSchema.parse(request));
}

function originsOf({ origins }: RepairReport, log: OriginLog) {
  return origins.filter(({ origin }) => origin === log.id);
}

async function storeWith(all: readonly CheckedSegment[]): Promise<MemoryLogStore> {
  const store = await MemoryLogStore.open(fastTreeHash);
  for (const segment of all) await store.log.commit([segment]);
  return store;
}

function contents(store: MemoryLogStore, of: readonly Table[]): unknown {
  return of.map((table) => [...store.disk.range(table, everything)].map((pair) => pair.map((bytes) => bytes.toHex())));
}
