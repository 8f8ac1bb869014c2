import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { MemberDigest, MemberState } from '../wire/messages.ts';
import { held, membershipOf, messenger, record } from './member.fixture.ts';
import { isGone, supersedes } from './member-record.ts';

const small = (max: number): fc.Arbitrary<number> => fc.integer({ min: 0, max });

/** Records of node-2 with few values in each field, so that many collide in most of them. */
const claim: fc.Arbitrary<MemberDigest> = fc
  .record({
    bootEpoch: small(2),
    origin: fc.constantFrom('0a'.repeat(16), '0b'.repeat(16)),
    incarnation: small(2),
    heartbeat: small(3),
    state: fc.constantFrom<MemberState>('alive', 'suspect', 'dead', 'left'),
    port: fc.integer({ min: 1, max: 2 }),
    tls: fc.boolean(),
    catchingUp: fc.boolean(),
  })
  .map(({ port, ...changes }) => record(2, { ...changes, udp: { host: 'h', port } }));

const claims = fc.array(claim, { minLength: 1, maxLength: 12 });
/** The oldest record that there can be: whoever holds it has met the member. */
const first = record(2, { bootEpoch: -1, incarnation: 0 });

function merged(...parts: readonly MemberDigest[][]): MemberDigest | undefined {
  const membership = membershipOf(record(1), first);
  for (const part of parts) membership.merge(part, messenger, 1);
  return held(membership, 2);
}

describe('of two records about one member', () => {
  it('one wins, whichever is asked about first, unless they are equal', () => {
    fc.assert(
      fc.property(claim, claim, (a, b) => {
        const equal = JSON.stringify(a) === JSON.stringify(b);
        assert.equal(supersedes(a, b) || supersedes(b, a), !equal);
        assert.equal(supersedes(a, b) && supersedes(b, a), false);
      }),
    );
  });

  it('none wins in a circle', () => {
    fc.assert(
      fc.property(claim, claim, claim, (a, b, c) => {
        if (supersedes(a, b) && supersedes(b, c)) assert.ok(supersedes(a, c));
      }),
      { numRuns: 2_000 },
    );
  });

  it('merging is commutative, associative and idempotent: all nodes come to the same record', () => {
    fc.assert(
      fc.property(
        claims.chain((list) => fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length }))),
        small(12),
        ([list, shuffled], cut) => {
          const expected = merged(list);
          assert.deepEqual(merged(shuffled), expected);
          assert.deepEqual(merged(list.slice(cut), list.slice(0, cut)), expected);
          assert.deepEqual(merged(list, shuffled, list), expected);
        },
      ),
    );
  });

  it('the later start wins over whatever was said of an earlier one', () => {
    const left = record(2, { bootEpoch: 5, incarnation: 9, heartbeat: 9, state: 'left' });
    assert.ok(supersedes(record(2, { bootEpoch: 6, incarnation: 0 }), left));
  });

  it('a life with a higher heartbeat wins over a death that had not seen it, at the same heartbeat the death', () => {
    const dead = record(2, { heartbeat: 4, state: 'dead' });
    assert.ok(supersedes(record(2, { heartbeat: 5 }), dead));
    assert.ok(supersedes(dead, record(2, { heartbeat: 4 })));
    assert.ok(isGone(dead));
  });

  it('a goodbye wins over a death, in either order', () => {
    const [left, dead] = (['left', 'dead'] as const).map((state) => record(2, { state }));
    assert.ok(left !== undefined && dead !== undefined);
    assert.deepEqual([supersedes(left, dead), supersedes(dead, left)], [true, false]);
  });
});
