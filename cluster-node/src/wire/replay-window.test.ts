import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ReplayWindow, replayWindowSize } from './replay-window.ts';

test('agrees with a list of everything that was seen, whatever the order and the jumps', () => {
  const steps = fc.array(
    fc.oneof(
      fc.integer({ min: -40, max: 40 }),
      fc.integer({ min: -1_100, max: 1_100 }),
      fc.integer({ min: 0, max: 5_000 }),
    ),
    { maxLength: 300 },
  );
  fc.assert(
    fc.property(steps, fc.constantFrom(0, 2_000, 2 ** 32 - 700, 2 ** 48 - 1 - 2_000_000), (moves, start) => {
      const window = new ReplayWindow();
      const seen = new Set<number>();
      let newest = -1;
      let at = start;
      for (const move of moves) {
        at = Math.max(0, at + move);
        const expected = !seen.has(at) && at > newest - replayWindowSize;
        assert.equal(window.isNew(at), expected, `counter ${at} after ${newest}`);
        if (!expected) continue;
        window.add(at);
        seen.add(at);
        newest = Math.max(newest, at);
      }
    }),
  );
});

test('the oldest counter that can come late is the window size behind, less one', () => {
  const window = new ReplayWindow();
  window.add(5_000);
  assert.equal(window.isNew(5_000 - replayWindowSize + 1), true);
  assert.equal(window.isNew(5_000 - replayWindowSize), false);
});

test('counters that were jumped over can still come, though those one window before them were seen', () => {
  const window = new ReplayWindow();
  for (let counter = 0; counter < replayWindowSize; counter++) window.add(counter);
  window.add(replayWindowSize + 6);
  for (let counter = replayWindowSize; counter < replayWindowSize + 6; counter++) {
    assert.equal(window.isNew(counter), true, `counter ${counter}`);
  }
});
