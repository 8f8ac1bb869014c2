import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { syncSchema } from '../contract/responses.ts';
import { type MobileUnderTest, startMobile } from '../mobile.fixture.ts';

let mobile: MobileUnderTest;
before(async () => {
  mobile = await startMobile();
  for (let i = 0; i < 5; i++) await mobile.publish(i % 2 === 0 ? 'even' : 'odd/1', String(i));
});
after(() => mobile.stop());

async function sync(query: Record<string, string>) {
  const response = await mobile.call(`/sync?${new URLSearchParams(query)}`);
  const delta = syncSchema.strict().parse(await response.json());
  assert.equal(response.headers.get('grapevine-consistency'), delta.token);
  return delta;
}

test('brings everything once, in steps, from whichever node', async () => {
  const seen: string[] = [];
  let delta = await sync({ limit: '2' });
  for (;;) {
    seen.push(...delta.items.map(({ body }) => body));
    if (!delta.more) break;
    delta = await sync({ limit: '2', since: delta.token });
  }
  assert.deepEqual(seen.sort(), ['0', '1', '2', '3', '4']);
  assert.deepEqual((await sync({ since: delta.token })).items, []);
  const { id } = await mobile.publish('even', 'new');
  const fresh = await sync({ since: delta.token });
  assert.deepEqual(
    fresh.items.map((item) => item.id),
    [id],
  );
});

test('brings only the topics asked for', async () => {
  const { items } = await sync({ topics: 'odd/1,none' });
  assert.deepEqual(items.map(({ body }) => body).sort(), ['1', '3']);
});

test('refuses what it cannot use', async () => {
  const queries = [{ topics: 'a b' }, { topics: '' }, { topics: 'x,'.repeat(1_500) }, { since: '' }, { limit: '-1' }];
  for (const query of [...queries, { since: 'A'.repeat(8_193) }]) {
    const response = await mobile.call(`/sync?${new URLSearchParams(query)}`);
    assert.equal(response.status, 400, JSON.stringify(query).slice(0, 50));
  }
  const response = await mobile.call('/sync?since=garbage');
  assert.equal(((await response.json()) as { code: string }).code, 'INVALID_CURSOR');
});

test('with wait an empty answer is held back until there is news of its topics', async () => {
  const { token } = await sync({ limit: '100' });
  const waiting = sync({ since: token, wait: '25', topics: 'even' });
  const { token: passed } = await mobile.publish('odd/1', 'of no interest');
  const { id } = await mobile.publish('even', 'news');
  const delta = await waiting;
  assert.deepEqual(
    delta.items.map((item) => item.id),
    [id],
  );
  assert.ok(passed !== token);
});

test('with wait what is there already comes at once, and nothing comes as nothing when the time is up', async () => {
  assert.ok((await sync({ wait: '25', limit: '1' })).items.length === 1);
  const { token } = await sync({ limit: '100' });
  const nothing = await sync({ since: token, wait: '1' });
  assert.deepEqual([nothing.items, nothing.more], [[], false]);
});

test('a client that stops waiting is let go', async () => {
  const { token } = await sync({ limit: '100' });
  const gone = new AbortController();
  const abandoned = mobile.call(`/sync?since=${token}&wait=25`, { signal: gone.signal });
  const rejected = assert.rejects(abandoned);
  gone.abort();
  await rejected;
  assert.equal((await mobile.call(`/sync?wait=26`)).status, 400);
});
