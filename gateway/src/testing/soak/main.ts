/**
 * A long run: `node gateway/src/testing/soak/main.ts --minutes 10`. Ends with status 1 when the gateway's memory grows under mixed traffic of
 * callers who are always new.
 */
import process from 'node:process';
import { parseArgs } from 'node:util';
import { liveBytes } from './heap-watch.ts';
import { MixedTraffic } from './mixed-traffic.ts';

/** Room for what compilers and pools take late, not for a leak of a few bytes for each request. */
const allowedGrowthBytes = 8 * 1024 * 1024;
const requestsPerRound = 2_000;
/** Until all that is bounded is full. */
const warmUpRequests = 5_000;

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '10' } } });
const endMs = performance.now() + Number(values.minutes) * 60_000;

const traffic = await MixedTraffic.start();
await traffic.send(warmUpRequests);
const atFirst = liveBytes();
let requests = 0;
let growth = 0;
while (performance.now() < endMs) {
  await traffic.send(requestsPerRound);
  requests += requestsPerRound;
  growth = liveBytes() - atFirst;
  console.log(
    `${requests} requests: ${(growth / 1_048_576).toFixed(2)} MiB more than after the first ${warmUpRequests}`,
  );
}
await traffic.stop();
process.exitCode = growth > allowedGrowthBytes ? 1 : 0;
