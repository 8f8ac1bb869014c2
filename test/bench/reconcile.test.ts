import assert from 'node:assert/strict';
import { test } from 'node:test';
import { median } from './harness.ts';
import { negentropyBytes, reconcileSimulated } from './reconcile.ts';

test('after a partition, who lacks what is found with a twentieth of the bytes that set reconciliation takes', async () => {
  const found: number[] = [];
  for (let seed = 1; seed <= 5; seed++) {
    const { finding, moving } = await reconcileSimulated(seed);
    assert.ok(moving > 1_000 * 256, 'the messages themselves were moved');
    found.push(finding);
  }
  assert.ok(median(found) <= negentropyBytes / 20, `${found} bytes`);
});
