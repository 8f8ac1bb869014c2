import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { systemClock } from '@grapevine/shared/clock.ts';
import type { Member } from '@grapevine/shared/contracts/node-api.ts';
import type { OriginRepair } from '@grapevine/shared/contracts/repair.ts';
import { createLogger } from '@grapevine/shared/logging.ts';
import { OriginLog, startHlc, type TestMessage } from '@grapevine/test/fixtures/origin-log.ts';
import type { CopySource } from '../damage/mender.ts';
import { segmentsOf } from '../damage/scrubber.fixture.ts';
import { Problems } from '../fsck/problems.ts';
import { checkData } from '../fsck.ts';
import { readAgeCursor, writeAgeCursor } from '../retention/progress.ts';
import { nodeHeadVerifier } from '../store/ed25519.ts';
import { fastTreeHash } from '../store/fast-tree-hash.ts';
import type { Table } from '../store/key-value.ts';
import { everything, seqKey } from '../store/keys.ts';
import type { CheckedSegment, Maintenance } from '../store/log-store.ts';
import { MemoryLogStore } from '../store/memory-log-store.ts';
import { FrameDecoder } from '../wire/segment-frames.ts';
import { type AdoptParts, AdoptRun } from './adopt-run.ts';
import { createForkWatch, historyOf } from './fork-watch.fixture.ts';

const peer: Member = {
  name: 'node-2',
  origin: 'b'.repeat(32),
  http: 'http://127.0.0.1:9',
  udp: '127.0.0.1:9',
  state: 'alive',
  bootEpoch: 1,
  incarnation: 0,
  heartbeat: 1,
  messages: 0,
  versions: { lowest: 1, highest: 1 },
};
const checks = { hash: fastTreeHash, verifier: nodeHeadVerifier };
const logTables: readonly Table[] = ['segments', 'tiles', 'heads', 'topics', 'postings', 'hidden'];
/** Takes several steps to cut. */
const large = 'x'.repeat(100_000);

/** What `alice` writes after five common entries in one of her lives. */
function life(...further: readonly (readonly TestMessage[])[]): CheckedSegment[] {
  const alice = new OriginLog('alice');
  const common = [alice.segment([{}, { topic: 'old' }]), alice.segment([{ idempotencyKey: 'common' }, {}, {}])];
  return [...common, ...further.map((messages) => alice.segment(messages))];
}

const alice = new OriginLog('alice').id;
const own = life(
  [{ idempotencyKey: 'k' }, { topic: 'mine-alone' }],
  [{ body: large }],
  [{ body: large }],
  [{ erased: true }, { idempotencyKey: 'common', body: 'again' }],
);
const others = life([{ body: 'three' }], [{ body: 'four', idempotencyKey: 'new' }, { topic: 'theirs' }], [{}]);
/** Came later than what carries the same key in `own`, and was hidden there. */
const bob = new OriginLog('bob', startHlc + 10_000n).segment([{ idempotencyKey: 'k' }, {}]);

async function storeWith(segments: readonly CheckedSegment[]): Promise<MemoryLogStore> {
  const store = await MemoryLogStore.open(fastTreeHash);
  for (const segment of segments) await store.log.commit([segment]);
  return store;
}

function contents(store: MemoryLogStore, tables = logTables): unknown {
  return tables.map((table) => [...store.disk.range(table, everything)].map((pair) => pair.map((one) => one.toHex())));
}

function fsck(store: MemoryLogStore): string[] {
  const problems = new Problems();
  checkData(store.disk, checks, problems);
  return problems.list();
}

describe('adopting another history', () => {
  let folder: string;
  let store: MemoryLogStore;
  let other: MemoryLogStore;
  let held: string[];

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'grapevine-adopt-'));
    [store, other] = [await storeWith([...own, bob]), await storeWith([...others, bob])];
    held = [];
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  async function adopt(changes: Partial<AdoptParts> = {}, dryRun = false): Promise<OriginRepair[]> {
    const watch = createForkWatch(store.log, { members: () => [peer] }, () => historyOf(other.log));
    const parts: AdoptParts = {
      store: store.log,
      checks,
      source: segmentsOf(other.log),
      compareWith: () => watch.compareWith(peer),
      overcome: (origin, seq) => watch.overcome(origin, seq),
      holder: { hold: (origin) => void held.push(origin), release: (origin) => void held.push(`not ${origin}`) },
      folder: join(folder, 'set-aside'),
      ownOrigin: 'c'.repeat(32),
      clock: systemClock,
      log: createLogger({ name: 'test', level: 'silent' }),
      ...changes,
    };
    const run = new AdoptRun(parts, { adopt: peer.name, dryRun }, new AbortController().signal);
    await run.run();
    assert.equal(run.complete, true);
    const open = watch.list().filter(({ endedMs }) => endedMs === null).length;
    const report = run.report();
    assert.equal(open, report.filter(({ state }) => state === 'forked').length, 'forks that last');
    return report;
  }

  /** Everything in the folders, oldest first. */
  function kept(): { segments: Uint8Array[]; messages: { seq: number; idempotencyKey: string | null }[] } {
    const all = readdirSync(join(folder, 'set-aside')).sort();
    const files = (name: string): Buffer[] => all.map((one) => readFileSync(join(folder, 'set-aside', one, name)));
    const lines = files('messages.jsonl').flatMap((text) => text.toString().split('\n').slice(0, -1));
    return {
      segments: files('segments').flatMap((bytes) => new FrameDecoder().push(bytes)),
      messages: lines.map((line) => JSON.parse(line)),
    };
  }

  it('leaves logs and views as if there had never been another, and destroys nothing', async () => {
    await store.log.maintain((batch, indexes) => {
      writeAgeCursor(batch, 60, alice, 9);
      indexes.flush(batch);
    });
    const [report] = await adopt();
    assert.deepEqual([report?.state, report?.size, report?.left], ['adopted', 6, []]);
    assert.deepEqual(held, [alice, `not ${alice}`]);
    const { peer: from, folder: where = '', firstSeq, endSeq, messages = [] } = report?.setAside ?? {};
    assert.deepEqual([from, firstSeq, endSeq], ['node-2', 5, 11]);
    assert.deepEqual(
      messages.map(({ seq, topic }) => [seq, topic]),
      [5, 6, 7, 8, 10].map((seq) => [seq, seq === 6 ? 'mine-alone' : 'news']),
    );
    const { segments, messages: listed } = kept();
    assert.deepEqual(
      segments,
      own.slice(2).map(({ segment }) => segment.bytes),
    );
    assert.deepEqual(
      listed.map(({ seq, idempotencyKey }) => [seq, idempotencyKey]),
      [5, 6, 7, 8, 10].map((seq) => [seq, { 5: 'k', 10: 'common' }[seq] ?? null]),
    );
    const evidence = JSON.parse(readFileSync(join(folder, where, 'fork.json'), 'utf8'));
    assert.deepEqual([evidence.origin, evidence.seq, evidence.peer], [alice, 5, 'node-2']);
    assert.equal(readAgeCursor(store.disk, 60, alice), 5, 'retention looks at what is new');
    assert.deepEqual(fsck(store), []);
    // What else there is comes as anything else, also after a crash.
    store = await store.crash();
    for (const segment of others.slice(3)) await store.log.commit([segment]);
    assert.deepEqual(contents(store), contents(other));
    store = await store.crash();
    assert.deepEqual(fsck(store), []);
    for (const { segment, leafHashes } of others) {
      const id = leafHashes.subarray(0, 32).toHex();
      assert.equal(store.log.views.message(id)?.entry.seq, segment.firstSeq);
    }
    assert.equal(store.log.views.byIdempotencyKey('ann', 'k')?.entry.origin, bob.segment.origin);
    assert.equal(store.log.views.byIdempotencyKey('ann', 'new')?.entry.seq, 6);
    assert.deepEqual(await adopt(), [], 'there is nothing to adopt any more');
  });

  it('works for histories that part at the first entry, or are cut into segments in other places', async () => {
    const writer = (): OriginLog => new OriginLog('alice');
    const finer = writer();
    const coarser = writer();
    const cases = [
      [life(), [writer().segment([{ body: 'other' }, {}, {}, {}])]],
      [
        [coarser.segment([{}, {}, {}, { body: 'one' }])],
        [finer.segment([{}]), finer.segment([{}, {}]), finer.segment([{ body: 'two' }])],
      ],
    ] as const;
    for (const [mine, theirs] of [...cases, ...cases.map(([a, b]) => [b, a] as const)]) {
      [store, other] = [await storeWith([...mine, bob]), await storeWith([...theirs, bob])];
      const [report] = await adopt();
      assert.equal(report?.state, 'adopted');
      for (const segment of theirs) {
        if (segment.segment.firstSeq >= (report?.size ?? 0)) await store.log.commit([segment]);
      }
      assert.deepEqual(contents(store), contents(other));
      assert.deepEqual(fsck(store), []);
    }
  });

  it('goes on after a crash where it was, and what is kept in two folders is all', async () => {
    let changes = 0;
    const crashing = <Result>(change: Maintenance<Result>): Promise<Result> => {
      changes += 1;
      // The first one waits for what is under way, the second cuts.
      if (changes > 2) throw new Error('The process ends.');
      return store.log.maintain(change);
    };
    await assert.rejects(adopt({ store: { flushed: store.log.flushed, maintain: crashing } }), /The process ends/);
    store = await store.crash();
    const [head] = store.log.heads().filter(({ origin }) => origin === alice);
    assert.ok(head !== undefined && head.size > 5 && head.size < 11, `it has ${head?.size} entries`);
    assert.deepEqual(fsck(store), []);
    assert.equal((await adopt())[0]?.state, 'adopted');
    const all = new Set(kept().segments.map((bytes) => bytes.toHex()));
    assert.deepEqual(all, new Set(own.slice(2).map(({ segment }) => segment.bytes.toHex())));
    assert.deepEqual(fsck(store), []);
  });

  it('changes nothing in a dry run, nor when the peer does not give what it claims to have, nor of its own log', async () => {
    const before = contents(store);
    const lie = (bytes: Uint8Array): CopySource =>
      async function* () {
        yield { peer: 'node-2', bytes };
      };
    const forged = (others[2]?.segment.bytes ?? assert.fail()).with(120, 1);
    const third = new OriginLog('alice');
    third.segment([{ body: 'a third story' }, {}, {}, {}, {}]);
    const unrelated = third.segment([{ body: 'of another beginning' }]).segment.bytes;
    const [silent, unsigned, early, stray, garbage] = await Promise.all([
      adopt({
        source: async function* () {
          yield { peer: 'node-2', refusal: 'Node node-2 does not have this segment.' };
        },
      }),
      adopt({ source: lie(forged) }),
      adopt({ source: lie(others[3]?.segment.bytes ?? assert.fail()) }),
      adopt({ source: lie(unrelated) }),
      adopt({ source: lie(Uint8Array.of(1)) }),
    ]);
    const whyNot = (report: OriginRepair[]): string => report[0]?.left[0]?.why ?? '';
    assert.match(whyNot(silent), /does not have this segment/);
    for (const refused of [unsigned, early, stray, garbage]) assert.match(whyNot(refused), /sent something else/);
    assert.match(whyNot(await adopt({ ownOrigin: alice })), /moving to a new origin/);
    assert.match(whyNot(await adopt({}, true)), /^It would be set aside, and that of node-2 taken/);
    assert.deepEqual(contents(store), before);
    assert.throws(() => readdirSync(join(folder, 'set-aside')), { code: 'ENOENT' });
  });

  it('gives up nothing that cannot be read, or written to the folder', async () => {
    const before = contents(store);
    const [full] = await adopt({ folder: '/dev/null/set-aside' });
    assert.match(full?.left[0]?.why ?? '', /ENOTDIR/);
    assert.deepEqual(contents(store), before);
    await store.disk.write([{ table: 'segments', key: seqKey(alice, 8), value: undefined }]);
    const damaged = contents(store);
    const [report] = await adopt();
    assert.match(report?.left[0]?.why ?? '', /missing or in quarantine: repair this log first/);
    assert.deepEqual(contents(store), damaged);
    assert.deepEqual(held.slice(-2), [alice, `not ${alice}`]);
  });
});
