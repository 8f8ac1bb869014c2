import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AmnesiaGuard } from './amnesia-guard.ts';

describe('the amnesia guard', () => {
  it('is open from the start when there is nobody to ask', () => {
    assert.equal(new AmnesiaGuard(false).isOpen, true);
  });

  it('opens when everybody who can be reached holds no more than the node itself', () => {
    const guard = new AmnesiaGuard(true);
    guard.review(5, [], 0);
    guard.claim('b', 5);
    guard.review(5, ['b', 'c'], 10);
    assert.equal(guard.isOpen, false);
    guard.claim('c', 3);
    guard.review(5, ['b', 'c'], 20);
    assert.equal(guard.isOpen, true);
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
    guard.claim('b', 9);
    guard.review(5, ['b', 'c'], 60_000);
    assert.deepEqual([guard.isOpen, guard.deadlineMs], [false, Number.POSITIVE_INFINITY]);
    guard.review(9, ['b', 'c'], 60_001);
    assert.equal(guard.isOpen, true);
  });

  it('stays open', () => {
    const guard = new AmnesiaGuard(true);
    guard.claim('b', 0);
    guard.review(0, ['b'], 0);
    guard.claim('c', 99);
    guard.review(0, ['b', 'c'], 1);
    assert.equal(guard.isOpen, true);
  });
});
