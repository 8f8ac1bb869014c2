import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ejection } from './ejection.ts';

test('failures in a row leave an instance out, longer each time, until it does well', () => {
  const ejection = new Ejection({ failures: 3, baseMs: 100 });
  for (const nowMs of [0, 1]) ejection.failed(nowMs);
  ejection.succeeded();
  for (const nowMs of [2, 3]) ejection.failed(nowMs);
  assert.ok(!ejection.lasts(3), 'a success in between counts');
  ejection.failed(4);
  assert.ok(ejection.lasts(103));
  assert.ok(!ejection.lasts(104));
  ejection.failed(104);
  assert.ok(ejection.lasts(303), 'back from its rest one failure is enough, for twice as long');
  assert.ok(!ejection.lasts(304));
  ejection.succeeded();
  for (const nowMs of [400, 401]) ejection.failed(nowMs);
  assert.ok(!ejection.lasts(401));
});

test('what fails while it is left out does not prolong it, and no rest lasts longer than five minutes', () => {
  const ejection = new Ejection({ failures: 1, baseMs: 200_000 });
  ejection.failed(0);
  ejection.failed(100_000);
  assert.ok(!ejection.lasts(200_000));
  ejection.failed(200_000);
  assert.ok(ejection.lasts(499_999));
  assert.ok(!ejection.lasts(500_000));
});
