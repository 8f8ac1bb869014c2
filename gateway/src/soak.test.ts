import assert from 'node:assert/strict';
import { test } from 'node:test';
import { liveBytes } from './testing/soak/heap-watch.ts';
import { MixedTraffic } from './testing/soak/mixed-traffic.ts';

/** A kilobyte for each request that is not let go would be more. */
const allowedGrowthBytes = 2 * 1024 * 1024;

test('the gateway’s memory does not grow with requests, callers or addresses', async () => {
  const traffic = await MixedTraffic.start();
  await traffic.send(2_500);
  const before = liveBytes();
  await traffic.send(2_500);
  const growth = liveBytes() - before;
  await traffic.stop();
  assert.ok(growth < allowedGrowthBytes, `${growth} bytes more after 2,500 requests`);
});
