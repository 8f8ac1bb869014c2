import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SeededRandom } from '@grapevine/shared/random.ts';
import type { MemberDigest } from '../wire/messages.ts';
import { Membership } from './membership.ts';

const options = { suspectAfterMs: 2_000, deadAfterMs: 10_000 };

function record(index: number, changes: Partial<MemberDigest> = {}): MemberDigest {
  const address = { host: '127.0.0.1', port: 7_200 + index };
  return {
    name: `node-${index}`,
    origin: index.toString(16).padStart(32, '0'),
    incarnation: 1,
    heartbeat: 0,
    state: 'alive',
    udp: address,
    http: address,
    ...changes,
  };
}

function membershipOf(...others: MemberDigest[]): Membership {
  const membership = new Membership(record(1), options, new SeededRandom(1));
  membership.merge(others, 0);
  return membership;
}

const stateOf = (membership: Membership, index: number): string | undefined =>
  membership.records().find(({ name }) => name === `node-${index}`)?.state;

describe('membership', () => {
  it('suspects a member that does not answer, then buries it', () => {
    const membership = membershipOf(record(2));
    membership.asked(record(2).origin, 100);
    membership.sweep(2_100);
    assert.equal(stateOf(membership, 2), 'alive');
    membership.sweep(2_101);
    assert.equal(stateOf(membership, 2), 'suspect');
    membership.sweep(12_102);
    assert.equal(stateOf(membership, 2), 'dead');
    assert.equal(membership.someDead()?.name, 'node-2');
    assert.deepEqual(membership.reachable(), []);
  });

  it('does not suspect whom nobody asked, nor who answered', () => {
    const membership = membershipOf(record(2), record(3));
    membership.asked(record(3).origin, 0);
    membership.heard(record(3).origin);
    membership.sweep(1_000_000);
    assert.equal(stateOf(membership, 2), 'alive');
    assert.equal(stateOf(membership, 3), 'alive');
  });

  it('counts a higher heartbeat from anywhere as a sign of life', () => {
    const membership = membershipOf(record(2));
    membership.asked(record(2).origin, 0);
    membership.merge([record(2, { heartbeat: 5 })], 1_500);
    membership.sweep(2_500);
    assert.equal(stateOf(membership, 2), 'alive');
  });

  it('refutes a suspicion of itself by a higher incarnation, which wins everywhere', () => {
    const accused = membershipOf();
    accused.merge([record(1, { state: 'suspect', incarnation: 4 })], 0);
    assert.equal(accused.self.incarnation, 5);
    const other = new Membership(record(9), options, new SeededRandom(1));
    other.merge([record(1, { state: 'dead', incarnation: 4, heartbeat: 99 })], 0);
    other.merge([accused.self], 0);
    assert.equal(stateOf(other, 1), 'alive');
  });

  it('ignores an accusation of an earlier life', () => {
    const membership = new Membership(record(1, { incarnation: 7 }), options, new SeededRandom(1));
    membership.merge([record(1, { state: 'dead', incarnation: 3 })], 0);
    assert.equal(membership.self.incarnation, 7);
  });

  it('is not resurrected by replayed records of the same incarnation', () => {
    const membership = membershipOf(record(2));
    membership.merge([record(2, { state: 'dead', heartbeat: 3 })], 0);
    membership.merge([record(2, { heartbeat: 50 }), record(2, { state: 'suspect', heartbeat: 60 })], 0);
    assert.equal(stateOf(membership, 2), 'dead');
    membership.merge([record(2, { incarnation: 2 })], 0);
    assert.equal(stateOf(membership, 2), 'alive');
  });

  it('believes a suspicion unless it knows of a newer heartbeat', () => {
    const membership = membershipOf(record(2, { heartbeat: 10 }));
    membership.merge([record(2, { state: 'suspect', heartbeat: 9 })], 0);
    assert.equal(stateOf(membership, 2), 'alive');
    membership.merge([record(2, { state: 'suspect', heartbeat: 10 })], 0);
    assert.equal(stateOf(membership, 2), 'suspect');
    membership.merge([record(2, { heartbeat: 11 })], 0);
    assert.equal(stateOf(membership, 2), 'alive');
  });

  it('holds nobody guilty for the time in which this process was stopped', () => {
    const others = Array.from({ length: 20 }, (_, i) => record(i + 2));
    const membership = membershipOf(...others);
    for (const { origin } of others) membership.asked(origin, 0);
    membership.forgive(60_000);
    membership.sweep(60_000);
    assert.equal(membership.reachable().length, 20);
  });

  it('takes up a member that lost its disk under its new origin', () => {
    const membership = membershipOf(record(2));
    const reborn = record(2, { origin: 'f'.repeat(32), incarnation: 2 });
    membership.merge([reborn], 0);
    assert.equal(membership.byOrigin(reborn.origin)?.name, 'node-2');
    assert.equal(membership.byOrigin(record(2).origin), undefined);
  });

  it('does not ask a member that said goodbye', () => {
    const membership = membershipOf(record(2, { state: 'left' }));
    assert.deepEqual(membership.reachable(), []);
    assert.equal(membership.someDead(), undefined);
  });

  it('sends itself, news first, and everybody in turn', () => {
    const membership = membershipOf(...Array.from({ length: 12 }, (_, i) => record(i + 2)));
    const seen = new Set<string>();
    for (let round = 0; round < 40; round++) {
      const digest = membership.digest(6, 1_000);
      assert.equal(digest.length, 6);
      assert.ok(digest.some(({ name }) => name === 'node-1'));
      assert.deepEqual(
        digest,
        digest.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
      );
      for (const { name } of digest) seen.add(name);
    }
    assert.equal(seen.size, 13);
    assert.equal(membership.digest(6, 200).length, 3);
    membership.merge([record(13, { state: 'suspect' })], 0);
    assert.ok(membership.digest(3, 1_000).some(({ state }) => state === 'suspect'));
  });
});
