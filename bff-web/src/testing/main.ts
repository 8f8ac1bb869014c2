/** Sends random GraphQL documents to a BFF before in-memory nodes: `--runs 100000 --seed 7`. */
import { parseArgs } from 'node:util';
import { startWeb } from '../web.fixture.ts';
import { fuzzGraphQL, patienceMs } from './fuzz-graphql.ts';

const { values } = parseArgs({
  options: { runs: { type: 'string', default: '10000' }, seed: { type: 'string', default: String(Date.now()) } },
});
const [runs, seed] = [Number(values.runs), Number(values.seed)];
const web = await startWeb(3, { requestTimeoutMs: patienceMs });
try {
  console.log(`seed ${seed}, ${runs} valid documents and as many broken ones`);
  await fuzzGraphQL(web, { seed, runs });
  console.log('nothing found');
} finally {
  await web.stop();
}
