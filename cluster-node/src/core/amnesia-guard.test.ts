import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AmnesiaGuard } from './amnesia-guard.ts';

/** Asks `peer` and takes its answer. */
function hear(guard: AmnesiaGuard, peer: string, size: number): void {
  guard.asked(peer, 7, 0);
  guard.answered(peer, 7, size);
}

describe('the amnesia guard', () => {
  it('is open from the start when there is nobody to ask', () => {
    const guard = new AmnesiaGuard(false);
    assert.deepEqual([guard.isOpen, guard.hasOpened, guard.due(['b'], 0)], [true, true, []]);
  });

  it('opens when everybody who can be reached holds no more than the node itself', () => {
    const guard = new AmnesiaGuard(true);
    guard.review(5, [], 0);
    hear(guard, 'b', 5);
    guard.review(5, ['b', 'c'], 10);
    assert.equal(guard.isOpen, false);
    hear(guard, 'c', 3);
    guard.review(5, ['b', 'c'], 20);
    assert.equal(guard.isOpen, true);
  });

  it('takes answers to its own questions alone: others may be old', () => {
    const guard = new AmnesiaGuard(true);
    guard.asked('b', 1, 0);
    guard.answered('b', 2, 0);
    guard.answered('c', 1, 0);
    guard.claim(0);
    guard.review(0, ['b'], 2);
    assert.equal(guard.isOpen, false);
    guard.answered('b', 1, 0);
    guard.review(0, ['b'], 3);
    assert.equal(guard.isOpen, true);
  });

  it('asks each until it answers, not too often, and not too many at once', () => {
    const guard = new AmnesiaGuard(true);
    const peers = Array.from({ length: 40 }, (_, i) => `${i}`);
    const first = guard.due(peers, 0);
    assert.equal(first.length, 16);
    for (const [i, peer] of first.entries()) guard.asked(peer, i, 0);
    assert.deepEqual(guard.due(peers, 199), []);
    guard.answered('0', 0, 0);
    assert.equal(guard.due(peers, 199).length, 1);
    const again = guard.due(peers, 200);
    assert.equal(again.length, 16);
    assert.ok(!again.includes('0') && again.includes('1'));
  });

  it('need not be looked at while many questions are under way, but when their time is over', () => {
    const guard = new AmnesiaGuard(true);
    guard.review(0, [], 0);
    for (let i = 0; i < 9; i++) guard.asked(`${i}`, i, 0);
    assert.deepEqual([guard.isDue(199), guard.isDue(200)], [false, true]);
    guard.answered('0', 0, 0);
    assert.equal(guard.isDue(1), true);
    assert.deepEqual([new AmnesiaGuard(true).isDue(0), new AmnesiaGuard(false).isDue(0)], [true, false]);
  });

  it('opens after two seconds of silence', () => {
    const guard = new AmnesiaGuard(true);
    guard.review(5, [], 100);
    assert.equal(guard.deadlineMs, 2_100);
    guard.review(5, ['b'], 2_099);
    assert.equal(guard.isOpen, false);
    guard.review(5, ['b'], 2_100);
    assert.equal(guard.isOpen, true);
  });

  it('stays closed, however long, while somebody holds more of the log, and opens when it has come back', () => {
    const guard = new AmnesiaGuard(true);
    guard.review(5, [], 0);
    hear(guard, 'b', 9);
    guard.review(5, ['b', 'c'], 60_000);
    assert.deepEqual([guard.isOpen, guard.deadlineMs], [false, Number.POSITIVE_INFINITY]);
    guard.review(9, ['b', 'c'], 60_001);
    assert.equal(guard.isOpen, true);
  });

  it('stays open', () => {
    const guard = new AmnesiaGuard(true);
    hear(guard, 'b', 0);
    guard.review(0, ['b'], 0);
    guard.claim(99);
    guard.review(0, ['b', 'c'], 1);
    assert.equal(guard.isOpen, true);
  });

  it('wants half of the peers after the process was stopped, and waits longer for them', () => {
    const guard = new AmnesiaGuard(true);
    hear(guard, 'b', 0);
    guard.review(0, ['b'], 0);
    guard.close();
    assert.deepEqual([guard.isOpen, guard.hasOpened], [false, true]);
    guard.answered('b', 7, 0);
    guard.review(0, ['b', 'c', 'd'], 60_000);
    assert.deepEqual([guard.isOpen, guard.deadlineMs], [false, 70_000]);
    hear(guard, 'b', 0);
    guard.review(0, ['b', 'c', 'd'], 61_000);
    assert.equal(guard.isOpen, false);
    hear(guard, 'c', 0);
    guard.review(0, ['b', 'c', 'd'], 62_000);
    assert.equal(guard.isOpen, true);
    guard.close();
    guard.review(0, ['b'], 70_000);
    guard.review(0, ['b'], 79_999);
    assert.equal(guard.isOpen, false);
    guard.review(0, ['b'], 80_000);
    assert.equal(guard.isOpen, true);
  });
});
