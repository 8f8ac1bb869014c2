import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DecoderFuzzer } from './decoder-fuzzer.ts';

test('2,000 damaged entries, segments, streams, tokens, cursors and journals: refused, or read back as they are', () => {
  const seed = 5;
  const fuzzer = new DecoderFuzzer(seed);
  for (let turn = 0; turn < 2_000; turn++) {
    try {
      fuzzer.check();
    } catch (error) {
      throw new Error(`turn ${turn} of seed ${seed}`, { cause: error });
    }
  }
  assert.deepEqual(Object.keys(fuzzer.outcomes), ['entry', 'segment', 'frames', 'token', 'cursor', 'journal']);
  // The run is worth something only if it comes everywhere.
  for (const [name, { taken, refused }] of Object.entries(fuzzer.outcomes)) {
    assert.ok(taken >= 100 && refused >= 100, `${name}: ${taken} taken, ${refused} refused`);
  }
});
