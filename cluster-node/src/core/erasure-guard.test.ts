import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { OriginLog } from '@grapevine/test/fixtures/origin-log.ts';
import type { Segment } from '../wire/segment.ts';
import { ErasureGuard } from './erasure-guard.ts';

const writtenMs = 1_700_000_000_000;
const relay = '0b'.repeat(16);

describe('the erasure guard', () => {
  let log: OriginLog;
  let isReachable: boolean;

  beforeEach(() => {
    log = new OriginLog('a');
    isReachable = false;
  });

  const guardOf = (smallestAgeMs: number): ErasureGuard => new ErasureGuard(smallestAgeMs, () => isReachable);
  const erased = (): Segment => log.segment([{}, { erased: true }, {}]).segment;
  const allows = (guard: ErasureGuard, segment: Segment, afterMs: number, sender = relay): boolean => {
    guard.advance({ wallMs: writtenMs + afterMs, monotonicMs: afterMs });
    return guard.allows(segment, sender);
  };

  it('takes segments with all their bodies from anybody', () => {
    assert.ok(allows(guardOf(Number.POSITIVE_INFINITY), log.segment([{}, {}]).segment, 0));
  });

  it('takes what is older than the smallest age, and nothing younger', () => {
    const guard = guardOf(60_000);
    isReachable = true;
    assert.equal(allows(guard, erased(), 60_000), false);
    assert.equal(allows(guard, erased(), 60_001), true);
  });

  it("takes an origin's word for its own entries", () => {
    isReachable = true;
    assert.equal(allows(guardOf(60_000), erased(), 0, log.id), true);
    assert.equal(allows(guardOf(60_000), erased(), 0, relay), false);
  });

  it('never takes the word of a relay while the origin can be asked', () => {
    const guard = guardOf(Number.POSITIVE_INFINITY);
    isReachable = true;
    for (let ms = 0; ms < 100_000; ms += 1_000) assert.equal(allows(guard, erased(), ms), false);
  });

  it('goes on without bodies that nobody gave for a while, and then does not wait for each segment', () => {
    const guard = guardOf(Number.POSITIVE_INFINITY);
    assert.equal(allows(guard, erased(), 0), false);
    assert.equal(allows(guard, erased(), 9_999), false);
    assert.equal(allows(guard, erased(), 10_000), true);
    assert.equal(allows(guard, erased(), 10_001), true);
    assert.equal(
      allows(guard, new OriginLog('b').segment([{ erased: true }]).segment, 10_001),
      false,
      'another origin',
    );
    assert.equal(allows(guard, erased(), 80_000), false, 'it had caught up');
    assert.equal(allows(guard, erased(), 90_000), true);
  });

  it('keeps track of a bounded number of origins', () => {
    const guard = guardOf(Number.POSITIVE_INFINITY);
    allows(guard, erased(), 0);
    for (let i = 0; i < 1_024; i++) allows(guard, new OriginLog(`${i}`).segment([{ erased: true }]).segment, 1);
    assert.equal(allows(guard, erased(), 20_000), false, 'it was forgotten and starts over');
  });
});
