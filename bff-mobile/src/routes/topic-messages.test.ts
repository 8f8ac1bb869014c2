import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { encodeToken } from '@grapevine/shared/contracts/consistency-token.ts';
import type { z } from 'zod';
import { messagePageSchema, publishedSchema } from '../contract/responses.ts';
import { type MobileUnderTest, maxRequestBytes, post, startMobile } from '../mobile.fixture.ts';

let mobile: MobileUnderTest;
before(async () => {
  mobile = await startMobile();
});
after(() => mobile.stop());

const messagesOf = (topic: string, query = ''): string => `/topics/${encodeURIComponent(topic)}/messages${query}`;

async function page(path: string): Promise<z.infer<typeof messagePageSchema>> {
  const response = await mobile.call(path);
  assert.equal(response.status, 200);
  return messagePageSchema.strict().parse(await response.json());
}

async function refusal(path: string, init?: RequestInit): Promise<[status: number, code: unknown, detail: string]> {
  const response = await mobile.call(path, init);
  assert.equal(response.headers.get('content-type'), 'application/problem+json');
  const problem = (await response.json()) as { status: number; code: string; detail: string };
  assert.equal(problem.status, response.status);
  return [response.status, problem.code, problem.detail];
}

test('publishes and tells where the message is', async () => {
  const response = await mobile.call(messagesOf('news/local', '?acks=3&timeoutMs=100'), post({ body: 'rain' }));
  assert.equal(response.status, 201);
  const published = publishedSchema.strict().parse(await response.json());
  assert.equal(published.heldBy, 3);
  assert.equal(response.headers.get('location'), `/mobile/v1/messages/${published.id}`);
  assert.equal(response.headers.get('etag'), `W/"${published.id}"`);
  assert.equal(response.headers.get('grapevine-consistency'), published.token);
});

test('reads back exactly what was published, without what is empty or usual', async () => {
  const plain = await mobile.publish('compact', 'ünï\u0000code 🍇');
  const rich = await mobile.publish('compact', '{}', {
    contentType: 'application/json',
    key: 'k',
    headers: { lang: 'de' },
  });
  const { items, next } = await page(messagesOf('compact'));
  assert.equal(next, null);
  const [first, second] = items;
  assert.ok(first !== undefined && second !== undefined);
  const { at, ...rest } = first;
  assert.deepEqual(rest, {
    id: plain.id,
    topic: 'compact',
    author: 'ada',
    body: 'ünï\u0000code 🍇',
    origin: plain.origin,
    seq: plain.seq,
  });
  assert.ok(Math.abs(Date.parse(at) - Date.now()) < 60_000);
  assert.deepEqual(
    [second.id, second.contentType, second.key, second.headers],
    [rich.id, 'application/json', 'k', { lang: 'de' }],
  );
});

test('answers 202 when too few nodes hold the message in time', async () => {
  const response = await mobile.call(messagesOf('acks', '?acks=5&timeoutMs=0'), post({ body: 'x' }));
  assert.equal(response.status, 202);
  assert.equal(publishedSchema.strict().parse(await response.json()).heldBy, 3);
});

test('publishes once under one idempotency key', async () => {
  const send = () => mobile.call(messagesOf('once'), post({ body: 'x' }, { 'idempotency-key': 'key-1' }));
  const first = publishedSchema.parse(await (await send()).json());
  const second = publishedSchema.parse(await (await send()).json());
  assert.equal(second.id, first.id);
  assert.equal((await page(messagesOf('once'))).items.length, 1);
});

test('walks forward from the oldest and backward from the newest, in topic order both ways', async () => {
  for (let i = 0; i < 5; i++) await mobile.publish('walk', String(i));
  const bodies: string[][] = [];
  const follow = async (query: string, parameter: string): Promise<void> => {
    let path: string | undefined = messagesOf('walk', query);
    while (path !== undefined) {
      const { items, next } = await page(path);
      bodies.push(items.map(({ body }) => body));
      path = next === null ? undefined : messagesOf('walk', `?limit=2&${parameter}=${next}`);
    }
  };
  await follow('?limit=2', 'after');
  assert.deepEqual(bodies, [['0', '1'], ['2', '3'], ['4']]);
  bodies.length = 0;
  await follow('?limit=2&before=end', 'before');
  assert.deepEqual(bodies, [['3', '4'], ['1', '2'], ['0']]);
});

test('links to the next page', async () => {
  for (let i = 0; i < 3; i++) await mobile.publish('link/ed', String(i));
  const response = await mobile.call(messagesOf('link/ed', '?limit=2'));
  const { next } = messagePageSchema.parse(await response.json());
  const link = `</mobile/v1/topics/link%2Fed/messages?limit=2&after=${next}>; rel="next"`;
  assert.equal(response.headers.get('link'), link);
  const last = await mobile.call(messagesOf('link/ed', '?limit=3'));
  assert.equal(last.headers.get('link'), null);
});

test('has an empty page for a topic that nobody has written to', async () => {
  assert.deepEqual(await page(messagesOf('nothing')), { items: [], next: null });
});

test('lets the gateway give a page to everybody who may read, unless the caller waits for a state of its own', async () => {
  const { token } = await mobile.publish('terms', 'a');
  const terms = async (headers: Record<string, string>): Promise<(string | null)[]> => {
    const answer = await mobile.call(messagesOf('terms'), { headers });
    return ['grapevine-cache-control', 'cache-control', 'vary'].map((name) => answer.headers.get(name));
  };
  const [others, vary] = ['private, no-cache', 'grapevine-consistency, accept-encoding'];
  assert.deepEqual(await terms({}), ['public, max-age=0, stale-if-error=60', others, vary]);
  assert.deepEqual(await terms({ 'Grapevine-Consistency': token }), [null, others, vary]);
});

test('gives the same ETag at every node, 304 while it stands, and another one after a change', async () => {
  await mobile.publish('etag', 'a');
  const etag = (await mobile.call(messagesOf('etag'))).headers.get('etag');
  for (const { replica } of mobile.cluster.nodes) assert.equal(etag, `W/"${replica.topic('etag').digest}"`);
  const conditional = { headers: { 'if-none-match': etag ?? '' } };
  const unchanged = await mobile.call(messagesOf('etag'), conditional);
  assert.deepEqual([unchanged.status, await unchanged.text()], [304, '']);
  assert.ok(unchanged.headers.get('grapevine-consistency'));
  await mobile.publish('etag', 'b');
  assert.equal((await mobile.call(messagesOf('etag'), conditional)).status, 200);
});

test('answers HEAD like GET, without the body', async () => {
  await mobile.publish('head', 'a');
  const get = await mobile.call(messagesOf('head'));
  const head = await mobile.call(messagesOf('head'), { method: 'HEAD' });
  assert.equal(head.status, 200);
  assert.equal(await head.text(), '');
  assert.equal(head.headers.get('etag'), get.headers.get('etag'));
  assert.equal(head.headers.get('content-length'), get.headers.get('content-length'));
});

test('reads its own write wherever it is, and says so when it is nowhere yet', async () => {
  const [first, second, third] = mobile.cluster.nodes;
  assert.ok(first !== undefined && second !== undefined && third !== undefined);
  second.connected = false;
  third.connected = false;
  first.replica.publish('ada', { topic: 'own', body: 'x', contentType: 'text/plain', headers: {} });
  const headers = { 'grapevine-consistency': first.replica.token() };
  for (let i = 0; i < 8; i++) {
    const response = await mobile.call(messagesOf('own'), { headers });
    assert.equal(messagePageSchema.parse(await response.json()).items.length, 1);
  }
  const future = encodeToken(new Map([[first.replica.origin.id, 1_000]]));
  const nowhere = `/messages/${'0'.repeat(64)}`;
  for (const path of [messagesOf('own'), '/topics', '/sync', '/sync?wait=1', nowhere, `${nowhere}/proof`]) {
    const refused = await refusal(path, { headers: { 'grapevine-consistency': future } });
    assert.deepEqual(refused.slice(0, 2), [409, 'NOT_YET'], path);
  }
  second.connected = true;
  third.connected = true;
  first.replicate();
});

test('refuses malformed JSON, and bytes that are not UTF-8', async () => {
  assert.deepEqual((await refusal(messagesOf('t'), post('{"body":'))).slice(0, 2), [400, 'INVALID_JSON']);
  assert.deepEqual((await refusal(messagesOf('t'), post(''))).slice(0, 2), [400, 'INVALID_JSON']);
  const bytes = Buffer.from('{"body":"?"}');
  bytes[9] = 0xff;
  const [status, code] = await refusal(messagesOf('t'), { ...post(''), body: bytes });
  assert.deepEqual([status, code], [400, 'INVALID_JSON']);
});

test('refuses lone surrogates, which would come back as other characters', async () => {
  const [status, code, detail] = await refusal(messagesOf('t'), post('{"body":"\\ud800"}'));
  assert.deepEqual([status, code], [400, 'INVALID_ARGUMENT']);
  assert.match(detail, /body: expected well-formed Unicode/);
});

test('names every field that is wrong', async () => {
  const wrong = { body: 1, contentType: 'a\0', colour: 'red', headers: { Lang: 'de' } };
  const [status, code, detail] = await refusal(messagesOf('t'), post(wrong));
  assert.deepEqual([status, code], [400, 'INVALID_ARGUMENT']);
  assert.ok(detail.startsWith('request: body: expected a string, found 1; contentType: expected a media type'), detail);
  for (const name of ['headers.Lang: ', '"colour"']) assert.ok(detail.includes(name), detail);
  for (const body of [[], null, 7, '"x"', '{}']) {
    assert.deepEqual((await refusal(messagesOf('t'), post(body))).slice(0, 2), [400, 'INVALID_ARGUMENT']);
  }
});

test('refuses topic characters that are not allowed and says which are', async () => {
  for (const topic of ['a b', 'ä', 'a%', '<x>', 'x'.repeat(201)]) {
    for (const init of [{}, post({ body: 'x' })]) {
      const [status, code, detail] = await refusal(messagesOf(topic), init);
      assert.deepEqual([status, code], [400, 'INVALID_TOPIC'], topic);
      assert.ok(detail.includes('A-Z a-z 0-9 . _ : / -'));
    }
  }
  assert.equal((await refusal('/topics/%zz/messages'))[0], 400);
});

test('refuses bodies that are too large, by the service and by the node', async () => {
  for (const length of [maxRequestBytes + 1, 300 * 1024]) {
    const response = await mobile.call(messagesOf('t'), post({ body: 'x'.repeat(length) }));
    const { code, message } = (await response.json()) as { code: string; message?: number };
    assert.deepEqual([response.status, code, message], [413, 'PAYLOAD_TOO_LARGE', undefined]);
  }
});

test('takes a body of 256 KiB', async () => {
  const body = 'x'.repeat(256 * 1024);
  await mobile.publish('large', body);
  assert.equal((await page(messagesOf('large'))).items[0]?.body, body);
});

test('takes JSON only', async () => {
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', '']) {
    const [status, code] = await refusal(messagesOf('t'), post({ body: 'x' }, { 'content-type': type }));
    assert.deepEqual([status, code], [415, 'UNSUPPORTED_MEDIA_TYPE']);
  }
  // Nothing that may grow a thousandfold is unpacked.
  for (const encoding of ['gzip', 'br', 'deflate', 'zstd']) {
    const packed = post({ body: 'x' }, { 'content-encoding': encoding });
    const expected = `Expected a body without Content-Encoding, found ${encoding}.`;
    assert.deepEqual(await refusal(messagesOf('t'), packed), [415, 'UNSUPPORTED_MEDIA_TYPE', expected]);
  }
});

test('refuses queries, cursors, tokens and keys that make no sense', async () => {
  const queries = ['?limit=0', '?limit=101', '?limit=x', '?limit=1&limit=2', '?limt=1', '?after=a&before=b'];
  for (const query of queries) {
    assert.deepEqual((await refusal(messagesOf('t', query))).slice(0, 2), [400, 'INVALID_ARGUMENT'], query);
  }
  for (const query of ['?after=nonsense', '?before=AAAA']) {
    assert.deepEqual((await refusal(messagesOf('t', query))).slice(0, 2), [400, 'INVALID_CURSOR'], query);
  }
  for (const query of ['?acks=0', '?acks=65', '?timeoutMs=-1', '?timeoutMs=30001']) {
    const [status, code] = await refusal(messagesOf('t', query), post({ body: 'x' }));
    assert.deepEqual([status, code], [400, 'INVALID_ARGUMENT'], query);
  }
  for (const token of ['?', 'A'.repeat(9_000)]) {
    assert.equal((await refusal(messagesOf('t'), { headers: { 'grapevine-consistency': token } }))[0], 400);
  }
  const garbage = { headers: { 'grapevine-consistency': 'garbage' } };
  for (const path of [messagesOf('t'), '/topics', '/sync', '/sync?wait=1', `/messages/${'0'.repeat(64)}`]) {
    assert.deepEqual((await refusal(path, garbage)).slice(0, 2), [400, 'INVALID_CURSOR'], path);
  }
  const longKey = post({ body: 'x' }, { 'idempotency-key': 'k'.repeat(129) });
  assert.deepEqual((await refusal(messagesOf('t'), longKey)).slice(0, 2), [400, 'INVALID_ARGUMENT']);
});
