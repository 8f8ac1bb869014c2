import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { draft, TestOrigin, tipsOver } from './origin.fixture.ts';

describe('the writer', () => {
  it('writes everything once and in order, in segments that any replica accepts', () => {
    fc.assert(
      fc.property(fc.array(fc.array(fc.nat(40_000), { minLength: 1, maxLength: 8 }), { maxLength: 6 }), (publishes) => {
        const origin = new TestOrigin(1);
        publishes.forEach((bodies, ticket) => {
          const drafts = bodies.map((bytes) => draft(bytes));
          origin.writer.offer({ ticket, drafts, acks: 1, deadlineMs: 0 });
        });
        const { segments, placed } = origin.writer.write(1_700_000_000_000, Number.POSITIVE_INFINITY);
        const replica = tipsOver();
        for (const { segment } of segments)
          assert.equal(replica.extend(segment, origin.signer.origin).kind, 'extended');
        assert.deepEqual(
          segments.flatMap(({ entries }) => entries.map((entry) => entry?.body.length)),
          publishes.flat(),
        );
        assert.deepEqual(
          placed.flatMap(({ placements }) => placements.map(({ seq }) => seq)),
          publishes.flat().map((_, seq) => seq),
        );
        assert.equal(origin.writer.queueBytes, 0);
      }),
      { numRuns: 50 },
    );
  });

  it('closes a segment at 64 KiB and at 256 entries, and gives a large entry one of its own', () => {
    const counts = (...bodies: number[]): number[] =>
      new TestOrigin(1).write(...bodies.map((bytes) => draft(bytes))).map(({ entries }) => entries.length);
    assert.deepEqual(counts(30_000, 30_000, 30_000), [2, 1]);
    assert.deepEqual(counts(10, 200_000, 10), [1, 1, 1]);
    assert.deepEqual(counts(...Array.from({ length: 600 }, () => 1)), [256, 256, 88]);
  });

  it('leaves publishes for the next commit rather than splitting one', () => {
    const { writer } = new TestOrigin(1);
    for (let ticket = 0; ticket < 3; ticket++) {
      writer.offer({ ticket, drafts: [draft(1_000), draft(1_000)], acks: 1, deadlineMs: 0 });
    }
    const tickets = (): number[] => writer.write(0, 5_000).placed.map(({ ticket }) => ticket);
    assert.deepEqual([tickets(), tickets(), tickets()], [[0, 1], [2], []]);
  });

  it('refuses what its queue cannot hold, but never an only one', () => {
    const { writer } = new TestOrigin(1, 10_000);
    const publish = (bytes: number) => ({ ticket: 1, drafts: [draft(bytes)], acks: 1, deadlineMs: 0 });
    assert.equal(writer.offer(publish(50_000)), true);
    assert.equal(writer.offer(publish(10)), false);
    writer.drain();
    assert.equal(writer.offer(publish(4_000)), true);
    assert.equal(writer.offer(publish(4_000)), true);
    assert.equal(writer.offer(publish(4_000)), false);
  });
});
