import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultRestartPolicy, nextDelay } from './backoff.ts';

test('crashes in a row wait longer each, up to the bound; a stable life starts over', () => {
  const delays: number[] = [];
  for (let previous = 0; delays.length < 8; delays.push(previous))
    previous = nextDelay(defaultRestartPolicy, previous, 100);
  assert.deepEqual(delays, [200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000]);
  assert.equal(nextDelay(defaultRestartPolicy, 10_000, 30_000), 200);
});
