import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Latency } from './latency.ts';

test('it jumps to a slow answer at once and comes back little by little', () => {
  const latency = new Latency();
  assert.equal(latency.ms, 0);
  latency.observe(10, 0);
  latency.observe(200, 100);
  assert.equal(latency.ms, 200);
  latency.observe(10, 101);
  assert.ok(latency.ms > 199, String(latency.ms));
  for (let nowMs = 1_000; nowMs <= 40_000; nowMs += 100) latency.observe(10, nowMs);
  assert.ok(latency.ms < 15, String(latency.ms));
});
