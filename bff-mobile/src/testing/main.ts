/** Sends random requests to a BFF before in-memory nodes: `--runs 10000 --seed 7`, so many to each operation. */
import { parseArgs } from 'node:util';
import { startMobile } from '../mobile.fixture.ts';
import { fuzzRest, patienceMs } from './fuzz-rest.ts';

const { values } = parseArgs({
  options: { runs: { type: 'string', default: '1000' }, seed: { type: 'string', default: String(Date.now()) } },
});
const [runs, seed] = [Number(values.runs), Number(values.seed)];
const mobile = await startMobile(3, patienceMs);
try {
  console.log(`seed ${seed}, ${runs} requests to each operation`);
  await fuzzRest(mobile, { seed, runs });
  console.log('nothing found');
} finally {
  await mobile.stop();
}
