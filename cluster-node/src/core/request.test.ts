import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SeededRandom } from '@grapevine/shared/random.ts';
import { everyOrigin } from '../wire/messages.ts';
import { sliceVector } from './request.ts';

describe('the slice of a vector in a request', () => {
  const random = new SeededRandom(1);
  const flushed = new Map(Array.from({ length: 50 }, (_, i) => [random.bytes(16).toHex(), i + 1]));

  it('is the whole vector when that fits', () => {
    const { range, vector, complete } = sliceVector(flushed, 50, 3);
    assert.deepEqual([range, vector.length, complete], [everyOrigin, 50, true]);
  });

  it('never speaks for an origin that it leaves out', () => {
    for (let turn = 0; turn < 20; turn++) {
      const { range, vector, complete } = sliceVector(flushed, 7, turn);
      assert.equal(complete, false);
      const named = new Set(vector.map(({ origin }) => origin));
      for (const origin of flushed.keys()) {
        assert.equal(origin >= range.from && origin <= range.to, named.has(origin));
      }
    }
  });

  it('speaks for every origin in as many turns as there are slices, also for those that nobody here has heard of', () => {
    const strangers = [everyOrigin.from, everyOrigin.to, ...Array.from({ length: 50 }, () => random.bytes(16).toHex())];
    for (let first = 0; first < 50; first++) {
      const covered = Array.from({ length: 8 }, (_, turn) => sliceVector(flushed, 7, first + turn).range);
      for (const stranger of strangers) {
        assert.ok(covered.some(({ from, to }) => stranger >= from && stranger <= to));
      }
    }
  });

  it('speaks for a wanted origin that nobody here has heard of, wherever it stands', () => {
    for (const wanted of [everyOrigin.from, everyOrigin.to, random.bytes(16).toHex()]) {
      const { from, to } = sliceVector(flushed, 7, 3, wanted).range;
      assert.ok(wanted >= from && wanted <= to);
    }
  });

  it('starts at the origin that is wanted', () => {
    for (const wanted of flushed.keys()) {
      assert.equal(sliceVector(flushed, 7, 0, wanted).vector[0]?.origin, wanted);
    }
  });
});
