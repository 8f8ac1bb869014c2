import assert from 'node:assert/strict';
import { test } from 'node:test';
import { negentropyBytes, reconcileSimulated } from './reconcile.ts';

test('after a partition, who lacks what is found with a twentieth of the bytes that set reconciliation takes', async () => {
  const { finding, moving } = await reconcileSimulated();
  assert.ok(finding <= negentropyBytes / 20, `${finding} bytes`);
  assert.ok(moving > 1_000 * 256, 'the messages themselves were moved');
});
