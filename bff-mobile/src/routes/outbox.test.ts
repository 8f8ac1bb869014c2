import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { limits } from '@grapevine/shared/contracts/limits.ts';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import type { z } from 'zod';
import { messagePageSchema, outboxSchema } from '../contract/responses.ts';
import { type MobileUnderTest, post, startMobile, withScopes } from '../mobile.fixture.ts';

let mobile: MobileUnderTest;
before(async () => {
  mobile = await startMobile();
});
after(() => mobile.stop());

const item = (idempotencyKey: string, body = idempotencyKey, topic = 'offline') => ({ topic, body, idempotencyKey });

async function deliver(items: readonly unknown[], query = ''): Promise<z.output<typeof outboxSchema>> {
  const response = await mobile.call(`/outbox${query}`, post({ items }));
  assert.equal(response.status, 200);
  const answer = outboxSchema.parse(await response.json());
  assert.equal(response.headers.get('grapevine-consistency'), answer.token ?? null);
  assert.equal(answer.results.length, items.length);
  return answer;
}

/** `id duplicate?` or the error's code, for each result. */
function gist({ results }: z.output<typeof outboxSchema>): (string | undefined)[] {
  return results.map((result) => ('error' in result ? result.error.code : result.duplicate ? 'again' : 'new'));
}

async function bodiesIn(topic: string): Promise<string[]> {
  const page = messagePageSchema.parse(await (await mobile.call(`/topics/${topic}/messages`)).json());
  return page.items.map(({ body }) => body);
}

test('accepts everything in the order in which it was written, and again without a second copy', async () => {
  const items = ['1', '2', '3'].map((key) => item(key));
  const first = await deliver(items);
  assert.deepEqual(gist(first), ['new', 'new', 'new']);
  const again = await deliver([...items, item('4')]);
  assert.deepEqual(gist(again), ['again', 'again', 'again', 'new']);
  const idOf = (result: (typeof first.results)[number] | undefined) =>
    result !== undefined && 'id' in result ? result.id : '';
  assert.deepEqual(again.results.slice(0, 3).map(idOf), first.results.map(idOf));
  assert.deepEqual(
    again.results.map(({ idempotencyKey }) => idempotencyKey),
    ['1', '2', '3', '4'],
  );
  assert.deepEqual(await bodiesIn('offline'), ['1', '2', '3', '4']);
});

test('holds a bad item against that item alone, wherever it is found out', async () => {
  const tooLarge = 'x'.repeat(limits.messageBodyBytes + 1);
  const answer = await deliver([
    item('a1', 'a1', 'mixed'),
    { ...item('a2'), topic: 'no spaces' },
    item('a3', tooLarge, 'mixed'),
    { topic: 'mixed', body: 'a4' },
    null,
    item('a5', 'a5', 'mixed'),
  ]);
  assert.deepEqual(gist(answer), [
    'new',
    'INVALID_TOPIC',
    'PAYLOAD_TOO_LARGE',
    'INVALID_ARGUMENT',
    'INVALID_ARGUMENT',
    'new',
  ]);
  assert.deepEqual(
    answer.results.map(({ idempotencyKey }) => idempotencyKey),
    ['a1', 'a2', 'a3', undefined, undefined, 'a5'],
  );
  for (const result of answer.results) if ('error' in result) assert.equal(result.error.retryable, false);
  assert.deepEqual(await bodiesIn('mixed'), ['a1', 'a5']);
});

test('an outbox of bad items only is answered, without a token', async () => {
  const answer = await deliver([{ topic: 'x' }]);
  assert.deepEqual([gist(answer), answer.token], [['INVALID_ARGUMENT'], undefined]);
});

test('says what it cannot use as a whole', async () => {
  for (const body of [{}, { items: [] }, { items: Array.from({ length: 101 }, () => item('k')) }, { items: 'x' }, []]) {
    const response = await mobile.call('/outbox', post(body));
    assert.equal(response.status, 400, JSON.stringify(body).slice(0, 40));
    assert.equal(((await response.json()) as { code: string }).code, 'INVALID_ARGUMENT');
  }
  const { headers } = withScopes(mobile, 'messages:read');
  assert.equal(
    (await mobile.call('/outbox', post({ items: [item('k')] }, headers as Record<string, string>))).status,
    403,
  );
  const read = await mobile.call('/outbox');
  assert.deepEqual([read.status, read.headers.get('allow')], [405, 'POST, OPTIONS']);
});

test('nothing is lost or reordered when the cluster cannot take it: the whole is refused, to be sent again', async () => {
  const items = ['b1', 'b2'].map((key) => item(key, key, 'later'));
  const full = new GrapevineError('OVERLOADED', 'The queue is full.', { retryAfterSeconds: 1 });
  for (const node of mobile.cluster.nodes) node.failure = full;
  const refused = await mobile.call('/outbox', post({ items }));
  assert.deepEqual([refused.status, refused.headers.get('retry-after')], [503, '1']);
  for (const node of mobile.cluster.nodes) node.failure = undefined;
  assert.deepEqual(gist(await deliver(items, '?acks=2&timeoutMs=1000')), ['new', 'new']);
  assert.deepEqual(await bodiesIn('later'), ['b1', 'b2']);
});
