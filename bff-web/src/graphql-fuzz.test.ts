import { test } from 'node:test';
import { fuzzGraphQL } from './testing/fuzz-graphql.ts';
import { startWeb } from './web.fixture.ts';

test('random documents, valid and broken, get answers that fit the schema, and no 5xx', async () => {
  const web = await startWeb();
  try {
    await fuzzGraphQL(web, { seed: 1, runs: 80 });
  } finally {
    await web.stop();
  }
});
