import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { KeyRotation } from './key-rotation.ts';

const rotateAfterMs = 1_000;

test('a new first passphrase opens at once and seals later; the old one stays until nobody seals with it', () => {
  const rotation = new KeyRotation(['old'], rotateAfterMs);
  assert.deepEqual(rotation.inForce(0), { sealing: 'old', opening: ['old'] });
  assert.equal(rotation.nextChangeMs, Number.POSITIVE_INFINITY);
  rotation.change(['new', 'old'], 10);
  assert.deepEqual(rotation.inForce(1_009), { sealing: 'old', opening: ['old', 'new'] });
  assert.equal(rotation.nextChangeMs, 1_010);
  assert.deepEqual(rotation.inForce(1_010), { sealing: 'new', opening: ['new', 'old'] });
  rotation.change(['new'], 2_000);
  assert.equal(rotation.nextChangeMs, 4_000);
  assert.deepEqual(rotation.inForce(3_999).opening, ['new', 'old']);
  assert.deepEqual(rotation.inForce(4_000), { sealing: 'new', opening: ['new'] });
});

test('a passphrase that takes the place of the only one does no harm either', () => {
  const rotation = new KeyRotation(['old'], rotateAfterMs);
  rotation.change(['new'], 0);
  assert.deepEqual(rotation.inForce(999), { sealing: 'old', opening: ['old', 'new'] });
  assert.deepEqual(rotation.inForce(1_000), { sealing: 'new', opening: ['new', 'old'] });
  assert.deepEqual(rotation.inForce(2_000), { sealing: 'new', opening: ['new'] });
});

test('one that was known long enough seals at once when it comes first', () => {
  const rotation = new KeyRotation(['old', 'new'], rotateAfterMs);
  rotation.change(['new', 'old'], 0);
  assert.equal(rotation.inForce(0).sealing, 'new');
});

test('one that comes back is as new: others may have dropped it', () => {
  const rotation = new KeyRotation(['a', 'b'], rotateAfterMs);
  rotation.change(['b'], 0);
  rotation.change(['a', 'b'], 500);
  assert.equal(rotation.inForce(1_499).sealing, 'b');
  assert.equal(rotation.inForce(1_500).sealing, 'a');
  assert.deepEqual(rotation.inForce(9_000).opening, ['a', 'b']);
});

test('what is in force stays bounded, however often the list changes', () => {
  const rotation = new KeyRotation(['0'], rotateAfterMs);
  for (let i = 1; i < 100; i++) rotation.change([`${i}`], i);
  assert.ok(rotation.inForce(100).opening.length <= 10);
});

/** Lists that a file holds one after the other, and how much later each of three processes sees each of them. */
const passphrases = fc.shuffledSubarray(['a', 'b', 'c', 'd'], { minLength: 1 });
const versions = fc.array(
  fc.record({
    list: passphrases,
    // Long enough for everybody to see it.
    lastsMs: fc.integer({ min: rotateAfterMs / 2, max: 3_000 }),
    delaysMs: fc.tuple(...[0, 1, 2].map(() => fc.integer({ min: 0, max: rotateAfterMs / 2 - 1 }))),
  }),
  { minLength: 1, maxLength: 8 },
);

test('processes that see every version, within half of the time, open what the others seal, at every moment', () => {
  fc.assert(
    fc.property(passphrases, versions, (first, changes) => {
      const processes = [0, 1, 2].map(() => new KeyRotation(first, rotateAfterMs));
      const readings: { atMs: number; index: number; writtenMs: number; list: readonly string[] }[] = [];
      let writtenMs = 0;
      for (const { list, lastsMs, delaysMs } of changes) {
        for (const [index, delayMs] of delaysMs.entries()) {
          // A later version that was written before this one is read is what is read.
          readings.push({ atMs: writtenMs + delayMs, index, writtenMs, list });
        }
        writtenMs += lastsMs;
      }
      readings.sort((a, b) => a.atMs - b.atMs || a.writtenMs - b.writtenMs);
      const seen = [-1, -1, -1];
      const check = (atMs: number): void => {
        const now = processes.map((one) => one.inForce(atMs));
        for (const { sealing } of now) {
          for (const { opening } of now) assert.ok(opening.includes(sealing), `${sealing} at ${atMs}`);
        }
      };
      let atMs = 0;
      const goOn = (untilMs: number): void => {
        for (;;) {
          const next = Math.min(...processes.map((one) => one.nextChangeMs));
          if (next > untilMs) break;
          check(next);
        }
        atMs = untilMs;
        check(atMs);
      };
      for (const reading of readings) {
        const process = processes[reading.index];
        const latest = readings
          .filter((one) => one.index === reading.index && one.writtenMs <= reading.atMs)
          .reduce((a, b) => (b.writtenMs > a.writtenMs ? b : a));
        goOn(reading.atMs);
        if (latest.writtenMs <= (seen[reading.index] ?? -1)) continue;
        seen[reading.index] = latest.writtenMs;
        process?.change(latest.list, reading.atMs);
        check(reading.atMs);
      }
      goOn(atMs + 4 * rotateAfterMs);
      const end = processes.map((one) => one.inForce(atMs));
      assert.deepEqual(new Set(end.map(({ sealing }) => sealing)).size, 1);
      assert.deepEqual(end[0]?.sealing, changes.at(-1)?.list[0]);
      assert.deepEqual(new Set(end[0]?.opening), new Set(changes.at(-1)?.list));
    }),
    { numRuns: 1_000 },
  );
});
