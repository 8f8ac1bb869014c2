import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isoTime } from './iso-time.ts';

/** From year 0 to the end of what a `Date` can hold. */
const moments = fc.integer({ min: -62_167_219_200_000, max: 8_640_000_000_000_000 });

test('moments print as Date prints them, whatever came before', () => {
  fc.assert(fc.property(moments, (ms) => assert.equal(isoTime(ms), new Date(ms).toISOString())));
});

test('moments print as Date prints them at the edges of days', () => {
  const midnight = Date.UTC(2024, 1, 29);
  for (const ms of [midnight - 1, midnight, midnight + 1, midnight + 86_399_999, midnight + 86_400_000, 0, -1]) {
    assert.equal(isoTime(ms), new Date(ms).toISOString());
  }
});
