import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { areCompatible, speaks, type VersionRange, versionFor } from './version.ts';

const version = fc.integer({ min: 1, max: 255 });
const range: fc.Arbitrary<VersionRange> = fc
  .tuple(version, version)
  .map(([a, b]) => ({ lowest: Math.min(a, b), highest: Math.max(a, b) }));

test('two nodes settle on the same version, the highest that both speak, or on none', () => {
  fc.assert(
    fc.property(range, range, fc.nat(), (a, b, turn) => {
      const chosen = versionFor(a, b, turn);
      assert.equal(chosen, versionFor(b, a, turn + 1));
      const common = Array.from({ length: 255 }, (_, i) => i + 1).filter((one) => speaks(a, one) && speaks(b, one));
      assert.equal(chosen, common.at(-1));
      assert.equal(areCompatible(a, b), common.length > 0);
    }),
  );
});

test('somebody unknown hears every version by turns', () => {
  fc.assert(
    fc.property(range, fc.nat(), (own, start) => {
      const count = own.highest - own.lowest + 1;
      const spoken = Array.from({ length: count }, (_, i) => versionFor(own, undefined, start + i));
      assert.deepEqual(new Set(spoken), new Set(Array.from({ length: count }, (_, i) => own.lowest + i)));
    }),
  );
});
