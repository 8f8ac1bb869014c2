import assert from 'node:assert/strict';
import { test } from 'node:test';
import { liveBytes } from './testing/soak/heap-watch.ts';
import { MixedTraffic } from './testing/soak/mixed-traffic.ts';

const requestsPerRound = 2_500;
/** A leak of a kilobyte for each request is two and a half times as much; how much is in use differs by half of that anyway. */
const allowedGrowthBytes = 1024 * 1024;
/** What a compiler or a pool takes late, it takes once: a leak grows in each round. */
const mostRounds = 4;

test('the gateway’s memory does not grow with requests, callers or addresses', async () => {
  const traffic = await MixedTraffic.start();
  await traffic.send(requestsPerRound);
  const growths: number[] = [];
  let before = liveBytes();
  while (growths.length < mostRounds && !growths.some((growth) => growth < allowedGrowthBytes)) {
    await traffic.send(requestsPerRound);
    const now = liveBytes();
    growths.push(now - before);
    before = now;
  }
  await traffic.stop();
  assert.ok(
    growths.some((growth) => growth < allowedGrowthBytes),
    `${growths.join(', ')} bytes more after ${requestsPerRound} requests each`,
  );
});
