import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { topicPageSchema } from '../contract/responses.ts';
import { type MobileUnderTest, startMobile } from '../mobile.fixture.ts';

let mobile: MobileUnderTest;
before(async () => {
  mobile = await startMobile();
  for (const topic of ['b', 'a/1', 'b', 'c:2']) await mobile.publish(topic, 'x');
});
after(() => mobile.stop());

test('lists topics by name, page after page', async () => {
  const first = await mobile.call('/topics?limit=2');
  const page = topicPageSchema.strict().parse(await first.json());
  assert.deepEqual(
    page.items.map(({ name, count }) => [name, count]),
    [
      ['a/1', 1],
      ['b', 2],
    ],
  );
  assert.equal(page.next, 'b');
  assert.equal(first.headers.get('grapevine-consistency'), mobile.cluster.nodes[0]?.replica.token());
  assert.equal(first.headers.get('link'), '</mobile/v1/topics?limit=2&after=b>; rel="next"');
  const second = await mobile.call('/topics?limit=2&after=b');
  const rest = topicPageSchema.strict().parse(await second.json());
  assert.deepEqual([rest.items.map(({ name }) => name), rest.next], [['c:2'], null]);
  assert.equal(second.headers.get('link'), null);
});

test('answers 304 until a topic changes', async () => {
  const etag = (await mobile.call('/topics')).headers.get('etag') ?? '';
  const conditional = { headers: { 'if-none-match': etag } };
  assert.equal((await mobile.call('/topics', conditional)).status, 304);
  await mobile.publish('b', 'y');
  assert.equal((await mobile.call('/topics', conditional)).status, 200);
});

test('refuses a cursor that is no topic name', async () => {
  const response = await mobile.call('/topics?after=%20');
  assert.equal(response.status, 400);
  assert.equal(((await response.json()) as { code: string }).code, 'INVALID_ARGUMENT');
});
