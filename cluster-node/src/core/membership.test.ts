import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SeededRandom } from '@grapevine/shared/random.ts';
import { held, membershipOf, messenger, membershipOptions as options, record } from './member.fixture.ts';
import { Membership, maxMembers } from './membership.ts';

const stateOf = (membership: Membership, index: number): string | undefined => held(membership, index)?.state;

/** Asks node-`index` as often as it takes to suspect it, and once more at `nowMs`. */
function ask(membership: Membership, index: number, nowMs: number): void {
  for (let question = 0; question < 3; question++) membership.asked(record(index).origin, nowMs);
}

describe('membership: who is suspected', () => {
  it('a member that does not answer is suspect, then dead', () => {
    const membership = membershipOf(record(1), record(2));
    ask(membership, 2, 100);
    membership.sweep(2_100);
    assert.equal(stateOf(membership, 2), 'alive');
    assert.deepEqual(membership.sweep(2_101), [{ kind: 'state', name: 'node-2', state: 'suspect' }]);
    membership.sweep(12_101);
    assert.equal(stateOf(membership, 2), 'suspect');
    membership.sweep(12_102);
    assert.equal(stateOf(membership, 2), 'dead');
    assert.deepEqual(membership.someLost()?.udp, record(2).udp);
    assert.deepEqual(membership.reachable(), []);
  });

  it('not whom nobody asked, nor who answered', () => {
    const membership = membershipOf(record(1), record(2), record(3));
    ask(membership, 3, 0);
    membership.heard(record(3).origin);
    membership.sweep(50_000);
    assert.deepEqual([stateOf(membership, 2), stateOf(membership, 3)], ['alive', 'alive']);
  });

  it('not who was asked only once or twice: datagrams get lost', () => {
    const membership = membershipOf(record(1), record(2));
    membership.asked(record(2).origin, 0);
    membership.asked(record(2).origin, 10);
    membership.sweep(50_000);
    assert.equal(stateOf(membership, 2), 'alive');
    assert.equal(membership.doubtful().length, 1);
    membership.asked(record(2).origin, 50_000);
    membership.sweep(50_001);
    assert.equal(stateOf(membership, 2), 'suspect');
  });

  it('not yet whom somebody else heard: the time begins anew, and the questions go on', () => {
    const membership = membershipOf(record(1), record(2));
    ask(membership, 2, 0);
    membership.merge([record(2, { heartbeat: 5 })], messenger, 1_500);
    assert.equal(membership.doubtful().length, 1);
    ask(membership, 2, 1_600);
    membership.sweep(3_500);
    assert.equal(stateOf(membership, 2), 'alive');
    membership.sweep(3_501);
    assert.equal(stateOf(membership, 2), 'suspect');
  });

  it('nobody for the time in which this process was stopped, whatever they had been silent before', () => {
    const others = Array.from({ length: 20 }, (_, i) => record(i + 2));
    const membership = membershipOf(record(1), ...others, record(30, { state: 'suspect' }));
    for (const index of others.keys()) ask(membership, index + 2, 0);
    membership.forgive(60_000);
    membership.sweep(60_000);
    assert.equal(membership.reachable().length, 21);
  });

  it('later by a node that is late itself, or that others suspect', () => {
    const membership = membershipOf(record(1), record(2));
    membership.health.round(201, 200);
    membership.merge([record(1, { state: 'suspect' })], messenger, 0);
    ask(membership, 2, 0);
    membership.sweep(6_000);
    assert.equal(stateOf(membership, 2), 'alive');
    membership.sweep(6_001);
    assert.equal(stateOf(membership, 2), 'suspect');
  });

  it('dead later in a large cluster, where news takes longer to get around', () => {
    const others = Array.from({ length: 1_000 }, (_, i) => record(i + 2));
    const membership = membershipOf(record(1), ...others);
    membership.merge([record(2, { state: 'suspect' })], messenger, 0);
    membership.sweep(12_000);
    assert.equal(stateOf(membership, 2), 'suspect');
    membership.sweep(12_001);
    assert.equal(stateOf(membership, 2), 'dead');
  });
});

describe('membership: what is believed', () => {
  it('refutes a suspicion of itself by a higher incarnation, which wins everywhere', () => {
    const accused = membershipOf(record(1));
    accused.merge([record(1, { state: 'suspect', incarnation: 4 })], messenger, 0);
    assert.equal(accused.self.incarnation, 5);
    const other = membershipOf(record(9), record(1));
    other.merge([record(1, { state: 'dead', incarnation: 4, heartbeat: 99 })], messenger, 0);
    other.merge([accused.self], messenger, 0);
    assert.equal(stateOf(other, 1), 'alive');
  });

  it('refutes what claims to be itself and is not: another address, or an incarnation that it never had', () => {
    const membership = membershipOf(record(1));
    membership.merge([record(1, { incarnation: 7, udp: { host: 'elsewhere', port: 1 } })], messenger, 0);
    assert.equal(membership.self.incarnation, 8);
    assert.equal(membership.self.udp.host, '127.0.0.1');
  });

  it('survives the highest incarnation that anybody can forge', () => {
    const membership = membershipOf(record(1));
    membership.merge([record(1, { incarnation: 2 ** 32 - 1, state: 'dead' })], messenger, 0);
    assert.ok(membership.self.incarnation < 2 ** 32);
  });

  it('outbids no start in a year that no clock reads: its own next start could not come after it', () => {
    const membership = membershipOf(record(1));
    membership.merge([record(1, { origin: 'f'.repeat(32), bootEpoch: 2 ** 48 - 2 })], messenger, 0);
    assert.equal(membership.self.bootEpoch, 1_000);
    assert.notEqual(membership.superseded, undefined);
  });

  it('ignores an accusation of an earlier life, and its own old records', () => {
    const membership = membershipOf(record(1, { incarnation: 7 }));
    membership.merge([record(1, { bootEpoch: 999, state: 'dead', incarnation: 90 })], messenger, 0);
    membership.merge([record(1, { incarnation: 6, heartbeat: 99 })], messenger, 0);
    assert.equal(membership.self.incarnation, 7);
    assert.equal(membership.superseded, undefined);
  });

  it('is not moved by replayed lives and deaths', () => {
    const membership = membershipOf(record(1), record(2, { heartbeat: 3 }));
    const lives = [record(2, { heartbeat: 2 }), record(2, { heartbeat: 3 })];
    membership.merge([record(2, { state: 'dead', heartbeat: 3 })], messenger, 0);
    assert.deepEqual(membership.merge([...lives, ...lives], messenger, 0), []);
    assert.equal(stateOf(membership, 2), 'dead');
    membership.merge([record(2, { incarnation: 2 })], messenger, 0);
    membership.merge([record(2, { state: 'dead', heartbeat: 3 })], messenger, 0);
    assert.equal(stateOf(membership, 2), 'alive');
  });

  it('sees no news in a heartbeat that goes back', () => {
    const membership = membershipOf(record(1), record(2, { heartbeat: 10 }));
    ask(membership, 2, 0);
    membership.merge([record(2, { heartbeat: 9 })], messenger, 1_900);
    membership.sweep(2_001);
    assert.equal(stateOf(membership, 2), 'suspect');
    assert.equal(held(membership, 2)?.heartbeat, 10);
  });

  it('a node that was cut off convinces nobody that all the others are dead', () => {
    const others = Array.from({ length: 9 }, (_, i) => i + 2);
    const cutOff = membershipOf(record(1), ...others.map((index) => record(index, { heartbeat: 5 })));
    for (const index of others) ask(cutOff, index, 0);
    cutOff.sweep(2_001);
    cutOff.sweep(20_000);
    assert.deepEqual(cutOff.reachable(), []);
    const majority = membershipOf(record(2), ...others.map((index) => record(index, { heartbeat: 100 })));
    majority.merge(cutOff.records(), record(1).origin, 20_000);
    assert.deepEqual(
      others.slice(1).map((index) => stateOf(majority, index)),
      others.slice(1).map(() => 'alive'),
    );
    cutOff.merge(majority.records(), record(2).origin, 20_000);
    assert.equal(cutOff.reachable().length, 9);
  });

  it('takes up a member that moved, and asks at the old place for a while', () => {
    const membership = membershipOf(record(1), record(2));
    const moved = record(2, { bootEpoch: 1_001, udp: { host: '10.0.0.2', port: 9 } });
    membership.merge([moved], messenger, 100);
    assert.deepEqual(held(membership, 2), moved);
    assert.deepEqual(membership.someLost()?.udp, record(2).udp);
    membership.sweep(60_101);
    assert.equal(membership.someLost(), undefined);
  });

  it('takes up a member that lost its disk under its new origin', () => {
    const membership = membershipOf(record(1), record(2));
    const reborn = record(2, { origin: 'f'.repeat(32), bootEpoch: 1_001 });
    membership.merge([reborn], reborn.origin, 0);
    assert.equal(membership.byOrigin(reborn.origin)?.name, 'node-2');
    assert.equal(membership.byOrigin(record(2).origin), undefined);
  });

  it('takes up a member under its new name, and forgets the old one once it is dead', () => {
    const membership = membershipOf(record(1), record(2));
    membership.merge([record(3, { origin: record(2).origin, bootEpoch: 1_001 })], record(2).origin, 0);
    assert.equal(membership.byOrigin(record(2).origin)?.name, 'node-3');
    membership.merge([record(2, { state: 'dead' })], messenger, 0);
    membership.sweep(60_001);
    assert.equal(held(membership, 2), undefined);
    assert.equal(membership.byOrigin(record(2).origin)?.name, 'node-3');
  });

  it('does not talk to members that speak no version of its own', () => {
    const foreign = record(2, { versions: { lowest: 2, highest: 3 } });
    const membership = membershipOf(record(1), foreign);
    assert.deepEqual(membership.reachable(), []);
    assert.equal(stateOf(membership, 2), 'alive');
  });
});

describe('membership: who leaves', () => {
  it('is left for everybody, is asked only as one that was lost, and is not called dead', () => {
    const leaver = membershipOf(record(2));
    leaver.leave();
    assert.deepEqual([leaver.self.state, leaver.self.heartbeat], ['left', 1]);
    const membership = membershipOf(record(1), record(2));
    ask(membership, 2, 0);
    membership.merge([leaver.self], record(2).origin, 10);
    membership.merge([record(2, { state: 'dead', heartbeat: 1 })], messenger, 20);
    membership.sweep(50_000);
    assert.equal(stateOf(membership, 2), 'left');
    assert.deepEqual([membership.reachable(), membership.doubtful()], [[], []]);
    assert.deepEqual(membership.someLost()?.udp, record(2).udp);
  });

  it('stands by its goodbye, whatever is said of it', () => {
    const leaver = membershipOf(record(2));
    leaver.leave();
    leaver.merge([record(2, { state: 'suspect', incarnation: 9 })], messenger, 0);
    assert.deepEqual([leaver.self.state, leaver.self.incarnation], ['left', 1]);
  });

  it('can come back', () => {
    const membership = membershipOf(record(1), record(2));
    membership.merge([record(2, { state: 'left', heartbeat: 900 })], messenger, 0);
    membership.merge([record(2, { bootEpoch: 2_000, incarnation: 0 })], messenger, 1);
    assert.equal(stateOf(membership, 2), 'alive');
    assert.equal(membership.reachable().length, 1);
  });
});

describe('membership: who is forgotten', () => {
  it('who has been gone for long, and does not come back as a ghost from others', () => {
    const membership = membershipOf(record(1), record(2), record(3));
    const gone = [record(2, { state: 'dead' }), record(3, { state: 'left' })];
    membership.merge(gone, messenger, 1_000);
    membership.sweep(61_000);
    assert.equal(membership.records().length, 3);
    membership.sweep(61_001);
    assert.equal(membership.records().length, 1);
    membership.merge(gone, messenger, 61_002);
    assert.equal(membership.records().length, 1);
    membership.merge([record(2, { bootEpoch: 1_001 })], messenger, 61_003);
    assert.equal(stateOf(membership, 2), 'alive');
  });

  it('stays bounded under churn: who has been gone for longest makes room, and the living do not', () => {
    const membership = membershipOf(record(1));
    for (let index = 2; index < 2 + maxMembers; index++) {
      membership.merge([record(index)], messenger, index);
      if (index < 100) membership.merge([record(index, { state: 'dead' })], messenger, index);
    }
    membership.merge([record(9_000), record(9_001)], messenger, 10_000);
    assert.equal(membership.records().length, 1 + maxMembers);
    assert.deepEqual([stateOf(membership, 2), stateOf(membership, 3)], [undefined, undefined]);
    assert.deepEqual([stateOf(membership, 4), stateOf(membership, 9_001)], ['dead', 'alive']);
    const full = membershipOf(record(1), ...Array.from({ length: maxMembers + 5 }, (_, i) => record(i + 2)));
    assert.equal(full.records().length, 1 + maxMembers);
    assert.equal(stateOf(full, maxMembers + 2), undefined);
  });
});

describe('membership: two processes with one name or one origin', () => {
  const later = record(1, { bootEpoch: 1_001, origin: 'f'.repeat(32), udp: { host: '10.0.0.9', port: 1 } });

  it('outlives an earlier life on a disk that is lost, whose clock was ahead', () => {
    const membership = membershipOf(record(1));
    assert.deepEqual(membership.merge([later], messenger, 0), [{ kind: 'outbid', claim: later, bootEpoch: 1_002 }]);
    assert.deepEqual([membership.self.bootEpoch, membership.superseded], [1_002, undefined]);
    const other = membershipOf(record(9), later);
    other.merge([membership.self], record(1).origin, 0);
    assert.equal(other.byOrigin(record(1).origin)?.name, 'node-1');
  });

  it('soon the one that started earlier is superseded, for good, and does not fight any more', () => {
    const [early, late] = [membershipOf(record(1)), membershipOf(later)];
    for (let round = 0; round < 10; round++) {
      early.merge([late.self], later.origin, round);
      late.merge([early.self], record(1).origin, round);
    }
    assert.equal(late.superseded, undefined);
    assert.deepEqual(early.superseded, late.self);
    const { self } = early;
    assert.deepEqual(early.merge([late.self, { ...self, state: 'suspect' }], messenger, 99), []);
    assert.deepEqual(early.self, self);
  });

  it('a copy with the same origin under another name supersedes as well', () => {
    const membership = membershipOf(record(1));
    const copy = record(5, { origin: record(1).origin, bootEpoch: 1_001 });
    assert.deepEqual(membership.merge([copy], messenger, 0), [{ kind: 'superseded', by: copy }]);
    assert.deepEqual(membership.superseded, copy);
  });

  it('exactly one of two is superseded that started in the same millisecond and hear of each other at once', () => {
    const both = [membershipOf(record(1)), membershipOf(record(1, { origin: 'f'.repeat(32) }))];
    for (let round = 0; round < 10; round++) {
      const records = both.map(({ self }) => self);
      for (const membership of both) membership.merge(records, messenger, round);
    }
    assert.equal(both.filter(({ superseded }) => superseded !== undefined).length, 1);
  });

  it('the one that started later minds neither its predecessor nor its own earlier life', () => {
    const membership = membershipOf(later, record(1), record(1, { origin: later.origin, state: 'dead', heartbeat: 9 }));
    assert.equal(membership.superseded, undefined);
  });

  it('is seen by everybody as long as the earlier one goes on, and only then', () => {
    for (const membership of [membershipOf(record(9), later), membershipOf(later)]) {
      const speak = (heartbeat: number, nowMs: number) =>
        membership.merge([record(1, { heartbeat })], record(1).origin, nowMs);
      assert.deepEqual(speak(5, 0), []);
      assert.deepEqual(speak(5, 1), [], 'a datagram that came twice is no life');
      assert.equal(membership.rivalOf('node-1'), undefined);
      assert.deepEqual(speak(6, 2), [
        { kind: 'name-conflict', name: 'node-1', member: later.origin, rival: record(1).origin },
      ]);
      assert.deepEqual(speak(7, 3), []);
      assert.equal(membership.rivalOf('node-1'), record(1).origin);
      membership.sweep(60_004);
      assert.equal(membership.rivalOf('node-1'), undefined);
    }
  });

  it('is not seen in what others still say of an earlier life', () => {
    const membership = membershipOf(record(9), later);
    for (let heartbeat = 0; heartbeat < 5; heartbeat++) {
      membership.merge([record(1, { heartbeat })], messenger, heartbeat);
    }
    assert.equal(membership.rivalOf('node-1'), undefined);
  });
});

describe('membership: the digest', () => {
  it('has this node, news first, and everybody in turn', () => {
    const membership = membershipOf(record(1), ...Array.from({ length: 12 }, (_, i) => record(i + 2)));
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
    assert.equal(membership.digest(6, 220).length, 3);
    membership.merge([record(13, { state: 'suspect' })], messenger, 0);
    assert.ok(membership.digest(3, 1_000).some(({ state }) => state === 'suspect'));
  });

  it('has everybody in turn where few have room, past those that never fit', () => {
    const host = 'h'.repeat(250);
    const wide = record(9, { udp: { host, port: 1 } });
    const membership = membershipOf(record(1), wide, ...Array.from({ length: 4 }, (_, i) => record(i + 2)));
    const seen = new Set<string>();
    for (let round = 0; round < 200; round++) membership.digest(6, 220);
    for (let round = 0; round < 4; round++) for (const { name } of membership.digest(6, 220)) seen.add(name);
    assert.deepEqual([...seen].sort(), ['node-1', 'node-2', 'node-3', 'node-4', 'node-5']);
  });

  it('carries a suspicion to everybody, and the refutation back, in a few times log2 n rounds each', () => {
    const count = 200;
    const random = new SeededRandom(3);
    const everybody = Array.from({ length: count }, (_, i) => record(i));
    const nodes = everybody.map((self) => new Membership(self, options, random));
    for (const node of nodes) {
      node.merge(everybody, messenger, 0);
      // What was news at the start is old.
      for (let round = 0; round < 5_000; round++) node.digest(6, 1_000);
    }
    const [accused, ...others] = nodes;
    assert.ok(accused !== undefined);
    const rounds = (among: readonly Membership[], state: string): number => {
      for (let round = 1; ; round++) {
        assert.ok(round <= 3 * Math.log2(count), `not everybody has node-0 as ${state} after ${round} rounds`);
        for (const node of among) {
          const other = among[random.below(among.length)] ?? node;
          const [question, answer] = [node.digest(6, 1_000), other.digest(6, 1_000)];
          other.merge(question, node.self.origin, 0);
          node.merge(answer, other.self.origin, 0);
        }
        if (others.every((node) => stateOf(node, 0) === state)) return round;
      }
    };
    others[0]?.merge([record(0, { state: 'suspect' })], messenger, 0);
    rounds(others, 'suspect');
    rounds(nodes, 'alive');
    assert.equal(accused.self.incarnation, 2);
  });
});
