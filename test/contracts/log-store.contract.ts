/** What every `LogStore` with its `Views` must do (invariants L1 to L3 of log-store.ts), whatever it stands on. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fastTreeHash } from '@grapevine/cluster-node/store/fast-tree-hash.ts';
import type { CheckedSegment } from '@grapevine/cluster-node/store/log-store.ts';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { toHex } from '@grapevine/shared/log/bytes.ts';
import type { SignedHead } from '@grapevine/shared/log/head.ts';
import { inclusionProof, rootAt } from '@grapevine/shared/merkle/tree-reader.ts';
import { verifyInclusion } from '@grapevine/shared/merkle/verify.ts';
import fc from 'fast-check';
import { OriginLog, startHlc, type TestMessage } from '../fixtures/origin-log.ts';
import { type StoreTest, type StoreUnderTest, useStore } from './store-under-test.ts';
import { ViewsModel } from './views-model.ts';

export function describeLogStore(name: string, open: () => Promise<StoreUnderTest>): void {
  const withStore = (what: string, run: StoreTest): void => {
    test(what, () => useStore(open, run));
  };

  describe(`LogStore: ${name}`, () => {
    withStore('shows nothing when it is new', async ({ log, views }) => {
      assert.deepEqual(log.heads(), []);
      assert.deepEqual(log.segmentsFrom('0'.repeat(32), 0, 1000), []);
      assert.equal(views.count(), 0);
      assert.deepEqual(views.topics(10), []);
      assert.equal(views.topic('news'), undefined);
      assert.equal(views.message('0'.repeat(64)), undefined);
      assert.equal(views.entry('0'.repeat(32), 0), undefined);
      assert.deepEqual(views.page({ topic: 'news', limit: 5, direction: 'forward' }), {
        items: [],
        hasNext: false,
        hasPrevious: false,
      });
      assert.deepEqual(views.since(new Map(), new Set(), 5), { items: [], vector: new Map(), more: false });
    });

    withStore('gives back segments, heads and trees as they came, also after a restart', async (first, restart) => {
      const origin = new OriginLog('a');
      const segments = Array.from({ length: 40 }, (_, i) => origin.segment(messages(1 + ((i * 7) % 60))));
      for (const segment of segments) await first.log.commit([segment]);
      const check = ({ log }: StoreUnderTest) => {
        assert.deepEqual(
          log.heads().map(plainHead),
          segments.slice(-1).map(({ segment }) => plainHead(segment.head)),
        );
        assert.deepEqual(hexOf(log.segmentsFrom(origin.id, 0, 1e9)), hexOf(bytesOf(segments)));
        for (const { segment } of segments) {
          assert.equal(toHex(rootAt(log.tree(origin.id), fastTreeHash, segment.head.size)), toHex(segment.head.root));
        }
      };
      check(first);
      check(await restart());
    });

    withStore('ends a search that finds little, and goes on from where it ended', async ({ log, views }) => {
      const origin = new OriginLog('a');
      const wanted = { topic: 'news', key: 'k', body: 'wanted' };
      const others = Array.from({ length: 250 }, () => ({ topic: 'news', body: '' }));
      await log.commit([origin.segment([wanted])]);
      for (let i = 0; i < 3; i++) await log.commit([origin.segment(others)]);
      await log.commit([origin.segment([wanted])]);
      for (const direction of ['forward', 'backward'] as const) {
        const query = { topic: 'news', limit: 5, direction, filter: { key: 'k' } };
        const first = views.page(query);
        assert.equal(first.items.length, 1);
        assert.ok(first.stop !== undefined);
        assert.equal(direction === 'forward' ? first.hasNext : first.hasPrevious, true);
        const rest = views.page({ ...query, [direction === 'forward' ? 'after' : 'before']: first.stop });
        assert.equal(rest.items.length, 1);
        assert.notEqual(rest.items[0]?.id, first.items[0]?.id);
        assert.deepEqual([rest.stop, direction === 'forward' ? rest.hasNext : rest.hasPrevious], [undefined, false]);
      }
    });

    withStore('proves every entry at every head', async ({ log }) => {
      const origin = new OriginLog('a');
      const segments = [3, 64, 1, 70].map((count) => origin.segment(messages(count)));
      await log.commit(segments);
      const tree = log.tree(origin.id);
      for (const { segment } of segments) {
        const { size, root } = segment.head;
        for (let index = 0; index < size; index++) {
          const path = inclusionProof(tree, fastTreeHash, index, size);
          const leafHash = tree.node(0, index);
          assert.ok(verifyInclusion({ hash: fastTreeHash, leafHash, index, size, path, root }));
        }
      }
    });

    withStore('reads segments from the one that holds the entry, within the budget, at least one', async ({ log }) => {
      const origin = new OriginLog('a');
      const segments = [5, 5, 5].map((count) => origin.segment(messages(count)));
      await log.commit(segments);
      const [first, second, third] = hexOf(bytesOf(segments));
      const length = segments[1]?.segment.bytes.length ?? 0;
      const read = (seq: number, maxBytes: number) => hexOf(log.segmentsFrom(origin.id, seq, maxBytes));
      assert.deepEqual(read(0, 0), [first]);
      assert.deepEqual(read(4, 1), [first]);
      assert.deepEqual(read(5, 1), [second]);
      assert.deepEqual(read(9, 2 * length + 10), [second, third]);
      assert.deepEqual(read(9, 2 * length - 10), [second]);
      assert.deepEqual(read(15, 1e9), []);
    });

    withStore('commits in the order of the calls, however they overlap', async ({ log, views }) => {
      const origins = [new OriginLog('a'), new OriginLog('b')];
      const order: number[] = [];
      const commits = Array.from({ length: 30 }, async (_, i) => {
        await log.commit(origins.map((origin) => origin.segment(messages(1 + (i % 3)))));
        order.push(i);
      });
      await Promise.all(commits);
      assert.deepEqual(
        order,
        commits.map((_, i) => i),
      );
      assert.deepEqual(views.vector(), new Map(origins.map(({ id, size }) => [id, size])));
    });

    withStore(
      'refuses a hole, a repetition and an overlap, and takes what is right afterwards (L2, L3)',
      async (store) => {
        const { log, views } = store;
        const [a, b] = [new OriginLog('a'), new OriginLog('b')];
        const [one, two, three] = [a.segment(messages(2)), a.segment(messages(2)), a.segment(messages(2))];
        const other = b.segment(messages(1));
        await assert.rejects(log.commit([two]), /starts at 0, found 2/);
        await log.commit([one]);
        await assert.rejects(log.commit([one]), /starts at 2, found 0/);
        await assert.rejects(log.commit([other, three]), /starts at 2, found 4/);
        assert.deepEqual(views.vector(), new Map([[a.id, 2]]));
        assert.equal(views.locate(idOf(other, 0)), undefined);
        await Promise.all([assert.rejects(log.commit([three])), log.commit([two, three]), log.commit([other])]);
        assert.equal(views.count(), 7);
        assert.equal(views.topic('news')?.count, 7);
      },
    );

    withStore('says that a tree node is not there', async ({ log }) => {
      const origin = new OriginLog('a');
      await log.commit([origin.segment(messages(3))]);
      const isDamage = (error: unknown) => error instanceof GrapevineError && error.code === 'DATA_DAMAGED';
      assert.throws(() => log.tree(origin.id).node(0, 3), isDamage);
      assert.throws(() => log.tree('0'.repeat(32)).node(0, 0), isDamage);
    });

    withStore(
      'finds a message by id in memory, in runs and during merges, also after a restart',
      async (first, restart) => {
        const origins = [new OriginLog('a'), new OriginLog('b'), new OriginLog('c')];
        const segments: CheckedSegment[] = [];
        // About ten flushes of the newest records, so that runs of two levels are in use.
        for (let i = 0; i < 56; i++) {
          const group = origins.map((origin) => origin.segment(messages(250)));
          await first.log.commit(group);
          segments.push(...group);
        }
        const findAll = ({ views }: StoreUnderTest) => {
          for (const checked of segments) {
            for (let i = 0; i < checked.entries.length; i += 83) {
              const { origin, firstSeq } = checked.segment;
              assert.deepEqual(views.locate(idOf(checked, i)), { origin, seq: firstSeq + i });
              assert.equal(views.message(idOf(checked, i))?.entry.seq, firstSeq + i);
            }
          }
          assert.equal(views.locate('12'.repeat(32)), undefined);
        };
        findAll(first);
        findAll(await restart());
      },
    );

    withStore('keeps the place of an erased entry and does not show it', async ({ log, views }) => {
      const origin = new OriginLog('a');
      const checked = origin.segment([{}, { erased: true }, {}]);
      await log.commit([checked]);
      assert.deepEqual(views.locate(idOf(checked, 1)), { origin: origin.id, seq: 1 });
      assert.equal(views.message(idOf(checked, 1)), undefined);
      assert.equal(views.entry(origin.id, 1), undefined);
      assert.equal(views.topic('news')?.count, 2);
      assert.equal(views.count(), 3);
      assert.deepEqual(
        views.since(new Map(), new Set(), 9).items.map(({ entry }) => entry.seq),
        [0, 2],
      );
    });

    withStore('tells which topics a commit changed, one whose last message it hid included', async ({ log, views }) => {
      const told: (readonly [string, number])[][] = [];
      const leave = views.onTopics((changed) => {
        for (const { name, digest } of changed) assert.equal(digest, views.topic(name)?.digest ?? '0'.repeat(64));
        told.push(changed.map(({ name, count }) => [name, count] as const).sort());
      });
      const late = new OriginLog('a', startHlc + 1000n);
      const early = new OriginLog('b');
      await log.commit([late.segment([{ topic: 'late', idempotencyKey: 'k' }, { topic: 'shared' }])]);
      await log.commit([early.segment([{ topic: 'early', idempotencyKey: 'k' }])]);
      leave();
      await log.commit([early.segment([{ topic: 'shared' }])]);
      assert.deepEqual(told, [
        [
          ['late', 1],
          ['shared', 1],
        ],
        [
          ['early', 1],
          ['late', 0],
        ],
      ]);
    });

    withStore('lets the first of two messages with one idempotency key win, whichever arrives first', async (store) => {
      const { log, views } = store;
      const late = new OriginLog('a', startHlc + 1000n);
      const early = new OriginLog('b');
      const key = { idempotencyKey: 'order-1' };
      const lateSegment = late.segment([
        { topic: 'late', ...key },
        { topic: 'shared' },
        { topic: 'shared', ...key, author: 'bob' },
      ]);
      await log.commit([lateSegment]);
      assert.equal(views.byIdempotencyKey('ann', 'order-1')?.entry.origin, late.id);
      const earlySegment = early.segment([
        { topic: 'early', ...key },
        { topic: 'shared', ...key },
      ]);
      await log.commit([earlySegment]);
      assert.equal(views.byIdempotencyKey('ann', 'order-1')?.id, idOf(earlySegment, 0));
      assert.equal(views.byIdempotencyKey('bob', 'order-1')?.id, idOf(lateSegment, 2));
      assert.equal(views.byIdempotencyKey('ann', 'order-2'), undefined);
      // The topic whose only message is hidden is gone, and so is the hidden one from every list but not from its log.
      assert.deepEqual(
        views.topics(9).map(({ name, count }) => [name, count]),
        [
          ['early', 1],
          ['shared', 2],
        ],
      );
      assert.equal(views.entry(late.id, 0)?.entry.topic, 'late');
      assert.deepEqual(
        views
          .since(new Map(), new Set(), 9)
          .items.map(({ entry }) => entry.topic)
          .sort(),
        ['early', 'shared', 'shared'],
      );
    });

    withStore('reads topics by name, in pages', async ({ log, views }) => {
      const origin = new OriginLog('a');
      const names = ['a', 'a/b', 'b', 'B', 'a-b', 'a.b', 'zz', 'a:', 'a0'];
      await log.commit([origin.segment(names.map((topic) => ({ topic })))]);
      const sorted = [...names].sort();
      assert.deepEqual(
        views.topics(100).map(({ name }) => name),
        sorted,
      );
      assert.deepEqual(
        views.topics(3, 'a-b').map(({ name }) => name),
        sorted.slice(sorted.indexOf('a-b') + 1).slice(0, 3),
      );
      // A topic whose name begins another's has only its own messages.
      assert.equal(views.page({ topic: 'a', limit: 9, direction: 'forward' }).items.length, 1);
    });

    withStore('looks at a bounded part of the logs for a rare topic, and says that there is more', async (store) => {
      const { log, views } = store;
      const origin = new OriginLog('a');
      for (let i = 0; i < 20; i++) await log.commit([origin.segment(messages(256))]);
      await log.commit([origin.segment([{ topic: 'rare' }])]);
      let vector: ReadonlyMap<string, number> = new Map();
      const found: string[] = [];
      let calls = 0;
      for (let more = true; more; calls++) {
        const batch = views.since(vector, new Set(['rare', 'none']), 5);
        assert.ok((batch.vector.get(origin.id) ?? 0) > (vector.get(origin.id) ?? 0), 'every call gets on');
        found.push(...batch.items.map(({ entry }) => entry.topic));
        ({ vector, more } = batch);
      }
      assert.deepEqual(found, ['rare']);
      assert.ok(calls > 1);
      assert.deepEqual(vector, views.vector());
    });

    test('agrees with a plain model of the views, in any order of arrival', async () => {
      await fc.assert(
        fc.asyncProperty(scenario, async ({ plan, seed }) => {
          const segments = build(plan);
          const model = new ViewsModel(segments);
          await useStore(open, async (store, restart) => {
            for (const group of interleave(segments, seed)) await store.log.commit(group);
            model.check(store.views);
            model.check((await restart()).views);
          });
        }),
        { numRuns: 25 },
      );
    });
  });
}

interface PlannedSegment {
  readonly origin: number;
  readonly gap: number;
  readonly messages: readonly TestMessage[];
}

const message = fc.record({
  topic: fc.constantFrom('x', 'x/y', 'z'),
  author: fc.constantFrom('ann', 'bob'),
  body: fc.string({ maxLength: 8 }),
  key: fc.option(fc.constantFrom('k1', 'k2'), { nil: undefined }),
  idempotencyKey: fc.option(fc.constantFrom('1', '2', '3', '4'), { nil: undefined, freq: 2 }),
});
const ticksPerMs = 65_536;
const scenario = fc.record({
  seed: fc.nat(1_000_000),
  plan: fc.array(
    // Gaps of few ticks make the segments of different origins overlap in time, which the topic index has to untangle.
    fc.record({
      origin: fc.nat(2),
      gap: fc.oneof(fc.nat(6), fc.constant(ticksPerMs)),
      messages: fc.array(message, { minLength: 1, maxLength: 12 }),
    }),
    { maxLength: 25 },
  ),
});

function build(plan: readonly PlannedSegment[]): CheckedSegment[] {
  const origins = [0, 1, 2].map((i) => new OriginLog(`origin ${i}`));
  const clocks = origins.map(() => startHlc);
  return plan.flatMap(({ origin, gap, messages }) => {
    const hlc = (clocks[origin] ?? startHlc) + BigInt(gap);
    clocks[origin] = hlc + BigInt(messages.length);
    return origins[origin]?.segment(messages, hlc) ?? [];
  });
}

/** The same segments in another order of arrival, each origin's in its own order, in groups. */
function* interleave(segments: readonly CheckedSegment[], seed: number): Generator<CheckedSegment[]> {
  const queues = [...Map.groupBy(segments, ({ segment }) => segment.origin).values()];
  let state = seed;
  let group: CheckedSegment[] = [];
  while (queues.some((queue) => queue.length > 0)) {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    const next = queues[state % queues.length]?.shift();
    if (next !== undefined) group.push(next);
    if (state % 3 === 0) {
      yield group;
      group = [];
    }
  }
  yield group;
}

function messages(count: number): TestMessage[] {
  return Array.from({ length: count }, () => ({}));
}

function bytesOf(segments: readonly CheckedSegment[]): Uint8Array[] {
  return segments.map(({ segment }) => segment.bytes);
}

function hexOf(all: readonly Uint8Array[]): string[] {
  return all.map(toHex);
}

/** Node's Buffers and other arrays of the same bytes are alike here. */
function plainHead(head: SignedHead): unknown {
  const { root, publicKey, signature } = head;
  return { ...head, root: toHex(root), publicKey: toHex(publicKey), signature: toHex(signature) };
}

function idOf({ leafHashes }: CheckedSegment, i: number): string {
  return toHex(leafHashes.subarray(i * 32, (i + 1) * 32));
}
