import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Audience } from './audience.ts';

it('tells everybody in a small cluster of own entries, and some of others’ entries now and then', () => {
  const audience = new Audience(2);
  const sizes = [0, 1, 49, 50, 99, 100].map((nowMs) => audience.size(15, false, nowMs));
  assert.deepEqual(sizes, [2, 0, 0, 2, 0, 2]);
  assert.equal(audience.size(15, true, 101), 15);
});

it('passes everything on in a large cluster, where the origin cannot tell everybody', () => {
  const audience = new Audience(2);
  const sizes = [0, 1, 2].map((nowMs) => audience.size(100, false, nowMs));
  assert.deepEqual(sizes, [7, 7, 7]);
  assert.equal(audience.size(100, true, 3), 8);
});
