/** What retention makes of a store and its views, whatever the store stands on. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Retention } from '@grapevine/cluster-node/retention/retention.ts';
import { RetentionRules } from '@grapevine/cluster-node/retention/rules.ts';
import { fastTreeHash } from '@grapevine/cluster-node/store/fast-tree-hash.ts';
import type { CheckedSegment, LogStore } from '@grapevine/cluster-node/store/log-store.ts';
import { MemoryLogStore } from '@grapevine/cluster-node/store/memory-log-store.ts';
import { checkSegmentContent, decodeSegment } from '@grapevine/cluster-node/wire/segment.ts';
import { ManualClock } from '@grapevine/shared/clock.ts';
import type { RetentionRule } from '@grapevine/shared/config/schema.ts';
import { toHex } from '@grapevine/shared/log/bytes.ts';
import { packHlc } from '@grapevine/shared/log/hlc.ts';
import { createLogger } from '@grapevine/shared/logging.ts';
import { inclusionProof, rootAt } from '@grapevine/shared/merkle/tree-reader.ts';
import { verifyInclusion } from '@grapevine/shared/merkle/verify.ts';
import fc from 'fast-check';
import { OriginLog, type TestMessage } from '../fixtures/origin-log.ts';
import { type StoreTest, type StoreUnderTest, useStore } from './store-under-test.ts';
import { ViewsModel } from './views-model.ts';

const startMs = 1_700_000_000_000;

export function describeRetention(name: string, open: () => Promise<StoreUnderTest>): void {
  const withStore = (what: string, run: StoreTest): void => {
    test(what, () => useStore(open, run));
  };

  describe(`retention: ${name}`, () => {
    withStore('erases bodies by age and keeps ids, roots and proofs', async ({ log, views }) => {
      const origin = new OriginLog('a');
      const old = origin.segment([{ topic: 'short' }, { topic: 'long' }, { topic: 'short' }], hlcAfter(0));
      const recent = origin.segment([{ topic: 'short' }, { topic: 'other' }], hlcAfter(50));
      await log.commit([old, recent]);
      assert.notEqual(views.entry(origin.id, 0), undefined);
      const retention = new RetentionUnderTest(log, [
        { topics: 'short', maxAgeSeconds: 60 },
        { topics: 'long', maxAgeSeconds: 600 },
      ]);
      await retention.runAt(59);
      assert.equal(views.topic('short')?.count, 3);
      await retention.runAt(61);
      assert.deepEqual(heldIn({ log }, origin), [false, true, false, true, true]);
      assert.equal(views.topic('short')?.count, 1);
      assert.deepEqual(views.locate(idOf(old, 2)), { origin: origin.id, seq: 2 });
      const { size, root } = recent.segment.head;
      assert.equal(toHex(rootAt(log.tree(origin.id), fastTreeHash, size)), toHex(root));
      for (let index = 0; index < size; index++) {
        const path = inclusionProof(log.tree(origin.id), fastTreeHash, index, size);
        const leafHash = Uint8Array.fromHex(idOf(index < 3 ? old : recent, index < 3 ? index : index - 3));
        assert.ok(verifyInclusion({ hash: fastTreeHash, leafHash, index, size, path, root }));
      }
      await retention.runAt(700);
      assert.deepEqual(heldIn({ log }, origin), [false, false, false, false, true]);
      assert.deepEqual(
        views.topics(9).map(({ name }) => name),
        ['other'],
      );
      assert.equal(retention.erased, 4);
    });

    withStore('erases the oldest until a topic fits, and what comes late from before them', async ({ log, views }) => {
      const [early, late] = [new OriginLog('early'), new OriginLog('late')];
      const body = 'x'.repeat(200_000);
      const send = async (origin: OriginLog, seconds: number, topic: string) => {
        await log.commit([origin.segment([{ topic, body }], hlcAfter(seconds))]);
      };
      const retention = new RetentionUnderTest(log, [{ topics: 'fu*', maxBytes: 1_000_000 }]);
      for (let i = 0; i < 8; i++) await send(late, 100 + i, i === 2 ? 'free' : 'full');
      await retention.runAt(200);
      // 200,000 bytes and some: four fit.
      assert.equal(views.topic('full')?.count, 4);
      assert.deepEqual(heldIn({ log }, late), [false, false, true, false, true, true, true, true]);
      await log.commit([early.segment([{ topic: 'full', body: 'small' }], hlcAfter(101))]);
      await log.commit([early.segment([{ topic: 'full', body: 'small' }], hlcAfter(104.5))]);
      await retention.runAt(200);
      assert.deepEqual(heldIn({ log }, early), [false, true]);
      assert.equal(views.topic('full')?.count, 5);
    });

    withStore('lets go of an idempotency key with the body', async ({ log, views }) => {
      const [first, second] = [new OriginLog('first'), new OriginLog('second')];
      const draft: TestMessage = { topic: 'orders', idempotencyKey: 'k' };
      const owner = first.segment([draft], hlcAfter(0));
      const twin = second.segment([draft, { topic: 'orders' }], hlcAfter(10));
      await log.commit([twin]);
      await log.commit([owner]);
      assert.equal(views.topic('orders')?.count, 2);
      const retention = new RetentionUnderTest(log, [{ topics: '*', maxAgeSeconds: 60 }]);
      await retention.runAt(65);
      assert.equal(views.byIdempotencyKey('ann', 'k')?.id, idOf(twin, 0));
      const page = views.page({ topic: 'orders', limit: 9, direction: 'forward' });
      assert.deepEqual(
        page.items.map(({ id }) => id),
        [idOf(twin, 0), idOf(twin, 1)],
      );
      await retention.runAt(75);
      assert.equal(views.byIdempotencyKey('ann', 'k'), undefined);
      const again = first.segment([draft], hlcAfter(80));
      await log.commit([again]);
      assert.equal(views.byIdempotencyKey('ann', 'k')?.id, idOf(again, 0));
      assert.equal(views.topic('orders')?.count, 1);
    });

    withStore(
      'goes on after a restart where it stopped, and from the start under other rules',
      async (first, restart) => {
        const origin = new OriginLog('a');
        for (let i = 0; i < 4; i++) {
          await first.log.commit([origin.segment([{ topic: 'x' }, { topic: 'y' }], hlcAfter(i * 10))]);
        }
        const rules = [{ topics: 'x', maxAgeSeconds: 60 }];
        await new RetentionUnderTest(first.log, rules).runAt(75);
        const second = await restart();
        const again = new RetentionUnderTest(second.log, rules);
        await again.runAt(85);
        assert.equal(again.erased, 1);
        assert.deepEqual(heldIn(second, origin), [false, true, false, true, false, true, true, true]);
        await new RetentionUnderTest(second.log, [{ topics: '*', maxAgeSeconds: 60 }]).runAt(85);
        assert.deepEqual(heldIn(second, origin), [false, false, false, false, false, false, true, true]);
      },
    );

    test('comes to the same on every store, whatever order messages arrive in and whenever it runs', async () => {
      await fc.assert(
        fc.asyncProperty(scenario, fc.infiniteStream(fc.nat(9)), async ({ plan, rules }, dice) => {
          const segments = build(plan);
          const roll = () => dice.next().value ?? 0;
          const checked: CheckedSegment[][] = [];
          for (let i = 0; i < 2; i++) {
            await useStore(open, async ({ log }, restart) => {
              const retention = new RetentionUnderTest(log, rules);
              for (const segment of shuffled(segments, roll)) {
                await log.commit([segment]);
                if (roll() < 3) await retention.runAt(roll() * 5);
              }
              await retention.runAt(60);
              const left = await storedSegments(log, segments);
              const model = new ViewsModel(left);
              model.check((await restart()).views);
              const rebuilt = await MemoryLogStore.open(fastTreeHash);
              for (const segment of shuffled(left, roll)) await rebuilt.log.commit([segment]);
              model.check(rebuilt.log.views);
              checked.push(left);
            });
          }
          const [one, other] = checked.map((left) => left.map(({ segment }) => toHex(segment.bytes)).sort());
          assert.deepEqual(one, other);
        }),
        { numRuns: name === 'memory' ? 40 : 3 },
      );
    });
  });
}

/** Retention at times that the test names, each time until nothing is left to do. */
class RetentionUnderTest {
  readonly #clock = new ManualClock(startMs);
  readonly #retention: Retention;

  constructor(store: LogStore, rules: readonly RetentionRule[]) {
    const log = createLogger({ name: 'test', level: 'silent' });
    this.#retention = new Retention({
      rules: new RetentionRules(rules),
      store,
      hash: fastTreeHash,
      clock: this.#clock,
      log,
      onDamage: (damage) => assert.fail(damage),
    });
  }

  get erased(): number {
    return this.#retention.counts.reduce((sum, { entries }) => sum + entries, 0);
  }

  async runAt(seconds: number): Promise<void> {
    this.#clock.jumpWall(startMs + seconds * 1_000 - this.#clock.wallMs());
    for (let [slices, before] = [0, -1]; (await this.#retention.slice()) || before < this.erased; slices++) {
      before = this.erased;
      assert.ok(slices < 1_000, 'it comes to an end');
    }
  }
}

interface PlannedSegment {
  readonly origin: number;
  readonly seconds: number;
  readonly messages: readonly TestMessage[];
}

/** A key stands for one message, as honest clients use it: only then can it not matter which of two copies is there. */
const message = fc.oneof(
  // Of very different lengths, so that a short one may fit where a long one did not.
  fc.record({ topic: fc.constantFrom('x', 'x/y'), body: fc.nat(400).map((length) => 'b'.repeat(length)) }),
  fc.constantFrom(1, 2, 3, 4).map((n) => ({
    topic: n % 2 === 0 ? 'x' : 'z',
    body: 'o'.repeat(n * 20),
    idempotencyKey: `key ${n}`,
  })),
);
const scenario = fc.record({
  plan: fc.array(
    fc.record({
      origin: fc.nat(2),
      seconds: fc.nat(50),
      messages: fc.array(message, { minLength: 1, maxLength: 3 }),
    }),
    { minLength: 4, maxLength: 25, size: 'max' },
  ),
  rules: fc.constantFrom<RetentionRule[]>(
    [{ topics: 'x', maxAgeSeconds: 20 }],
    [
      { topics: 'x/*', maxAgeSeconds: 40 },
      { topics: '*', maxAgeSeconds: 15 },
    ],
    [{ topics: '*', maxBytes: 900 }],
    [{ topics: 'z' }, { topics: 'x*', maxBytes: 1_500, maxAgeSeconds: 50 }],
  ),
});

function build(plan: readonly PlannedSegment[]): CheckedSegment[] {
  const origins = [0, 1, 2].map((i) => new OriginLog(`origin ${i}`));
  const inTime = [...plan].sort((a, b) => a.seconds - b.seconds);
  return inTime.flatMap(({ origin, seconds, messages }, i) => {
    // Some ticks apart where several are of one second.
    return origins[origin]?.segment(messages, hlcAfter(seconds) + BigInt(8 * i)) ?? [];
  });
}

/** In another order of arrival, each origin's in its own order. */
function* shuffled(segments: readonly CheckedSegment[], roll: () => number): Generator<CheckedSegment> {
  const queues = [...Map.groupBy(segments, ({ segment }) => segment.origin).values()].map((queue) => [...queue]);
  for (let left = segments.length; left > 0; ) {
    const next = queues[roll() % queues.length]?.shift();
    if (next === undefined) continue;
    left -= 1;
    yield next;
  }
}

/** What a store holds now, as a peer that copies it would see it. */
async function storedSegments(log: LogStore, committed: readonly CheckedSegment[]): Promise<CheckedSegment[]> {
  return committed.map((before) => {
    const { origin, firstSeq } = before.segment;
    const segment = decodeSegment(log.segmentsFrom(origin, firstSeq, 0)[0] ?? new Uint8Array(0));
    const entries = checkSegmentContent(segment);
    assert.ok(entries);
    const leaves = segment.records.map((record) =>
      record.kind === 'entry' ? fastTreeHash.leaf(record.bytes) : record.leafHash,
    );
    assert.equal(toHex(Buffer.concat(leaves)), toHex(before.leafHashes));
    return { ...before, segment, entries };
  });
}

function hlcAfter(seconds: number): bigint {
  return packHlc(startMs + seconds * 1_000, 0);
}

function heldIn({ log }: { readonly log: LogStore }, origin: OriginLog): boolean[] {
  return log
    .segmentsFrom(origin.id, 0, Number.POSITIVE_INFINITY)
    .flatMap((bytes) => decodeSegment(bytes).records.map(({ kind }) => kind === 'entry'));
}

function idOf({ leafHashes }: CheckedSegment, i: number): string {
  return toHex(leafHashes.subarray(i * 32, (i + 1) * 32));
}
