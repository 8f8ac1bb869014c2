import assert from 'node:assert/strict';
import { test } from 'node:test';
import { brief, bytes, duration, milliseconds, printable } from './format.ts';

test('numbers have three digits and a unit', () => {
  assert.deepEqual([0, 0.417, 17.31, 1_204.4].map(brief), ['0', '0.42', '17.3', '1,204']);
  assert.deepEqual([12, 17_900, 2_500_000].map(bytes), ['12 B', '17.9 kB', '2.50 MB']);
  assert.deepEqual([4.2, 1_500].map(milliseconds), ['4.20 ms', '1.50 s']);
});

test('durations have two units', () => {
  const minute = 60_000;
  assert.deepEqual([9_000, 2 * minute, 61 * minute, 26 * 60 * minute].map(duration), [
    '9 s',
    '2 min 0 s',
    '1 h 1 min',
    '1 d 2 h',
  ]);
});

test('what strangers wrote can neither hide nor reorder anything', () => {
  assert.equal(printable('plain\ttext\nin two lines, äöü 漢字'), 'plain\ttext\nin two lines, äöü 漢字');
  assert.equal(printable('a\u202eb\u0000c\u200bd\u2028e\u001b[2J'), 'a⟨U+202E⟩b⟨U+0000⟩c⟨U+200B⟩d⟨U+2028⟩e⟨U+001B⟩[2J');
});
