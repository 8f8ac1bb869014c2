import { test } from 'node:test';
import { startMobile } from './mobile.fixture.ts';
import { fuzzRest, patienceMs } from './testing/fuzz-rest.ts';

test('random requests, as described and not, get answers that are described, and no 5xx', async () => {
  const mobile = await startMobile(3, patienceMs);
  try {
    await fuzzRest(mobile, { seed: 1, runs: 40 });
  } finally {
    await mobile.stop();
  }
});
