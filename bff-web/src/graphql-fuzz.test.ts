import { test } from 'node:test';
import { fuzzGraphQL, patienceMs } from './testing/fuzz-graphql.ts';
import { startWeb } from './web.fixture.ts';

test('random documents, valid and broken, get answers that fit the schema, and no 5xx', async () => {
  const web = await startWeb(3, { requestTimeoutMs: patienceMs });
  try {
    await fuzzGraphQL(web, { seed: 1, runs: 60 });
  } finally {
    await web.stop();
  }
});
