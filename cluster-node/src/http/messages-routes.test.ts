import assert from 'node:assert/strict';
import { request } from 'node:http';
import test from 'node:test';
import { decodeToken, encodeToken } from '@grapevine/shared/contracts/consistency-token.ts';
import { limits } from '@grapevine/shared/contracts/limits.ts';
import { messageSchema, messagesByIdResponseSchema } from '@grapevine/shared/contracts/node-api.ts';
import { messageProofSchema } from '@grapevine/shared/contracts/proof.ts';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { problemSchema } from '@grapevine/shared/errors/problem.ts';
import { decodeEntry } from '@grapevine/shared/log/entry.ts';
import { nobleHeadVerifier } from '@grapevine/shared/log/head.ts';
import { nobleTreeHash } from '@grapevine/shared/merkle/tree-hash.ts';
import { verifyInclusion } from '@grapevine/shared/merkle/verify.ts';
import { verifyMessageProof } from '@grapevine/shared/verifier/verify-message.ts';
import { type Answer, codeOf, TestNode, until, vouched } from '@grapevine/test/fixtures/node-http.ts';

const draft = (body: string) => ({ topic: 'news', body });

test("publishes a batch in order, under the caller's name", async () => {
  await using node = await TestNode.start();
  const request = { messages: [draft('one'), { ...draft('two'), key: 'k', headers: { a: 'b' } }] };
  const answer = await node.post('/v1/messages', request);
  assert.equal(answer.status, 201);
  const { results, token } = await node.publish({ messages: [draft('three')] });
  assert.deepEqual(
    results.map(({ seq }) => seq),
    [2],
  );
  assert.deepEqual([...decodeToken(token)], [[node.service.origin, 3]]);
  const [, second] = node.service.replica.log(node.service.origin);
  const read = await node.get(`/v1/messages/${second?.message.id}`);
  assert.equal(read.status, 200);
  assert.deepEqual(messageSchema.parse(read.body), {
    ...second?.message,
    topic: 'news',
    author: 'ann',
    contentType: 'text/plain; charset=utf-8',
    headers: { a: 'b' },
    key: 'k',
    body: 'two',
  });
});

test('says 202 when not as many nodes as asked for hold the messages in time', async () => {
  await using node = await TestNode.start();
  const answer = await node.post('/v1/messages', { messages: [draft('x')], acks: 2, timeoutMs: 0 });
  assert.equal(answer.status, 202);
});

test('a retried publish finds its first message', async () => {
  await using node = await TestNode.start();
  const request = { messages: [{ ...draft('x'), idempotencyKey: 'once' }] };
  const first = await node.publish(request);
  const second = await node.publish(request);
  assert.equal(second.results[0]?.id, first.results[0]?.id);
  assert.deepEqual([first.results[0]?.duplicate, second.results[0]?.duplicate], [false, true]);
});

test('bodies come back as they were sent, whatever text they are', async () => {
  await using node = await TestNode.start();
  const bodies = ['', '\uFEFFmark', 'grüße 🍇', '\0\u2028"\\', '{"json":1}'];
  const { results } = await node.publish({ messages: bodies.map(draft) });
  for (const [i, { id }] of results.entries()) {
    assert.equal(messageSchema.parse((await node.get(`/v1/messages/${id}`)).body).body, bodies[i]);
  }
});

test('what cannot be published is refused with what was expected, and nothing of it is kept', async () => {
  await using node = await TestNode.start();
  const manyNames = Object.fromEntries(Array.from({ length: 200_000 }, (_, i) => [`N${i}`, 0]));
  const cases: [unknown, number, string][] = [
    ['{"messages":', 400, 'INVALID_JSON'],
    ['"text"', 400, 'INVALID_ARGUMENT'],
    ['null', 400, 'INVALID_ARGUMENT'],
    ['[]', 400, 'INVALID_ARGUMENT'],
    ['', 400, 'INVALID_JSON'],
    [{}, 400, 'INVALID_ARGUMENT'],
    [{ messages: [] }, 400, 'INVALID_ARGUMENT'],
    [{ messages: 'x' }, 400, 'INVALID_ARGUMENT'],
    [{ messages: [null] }, 400, 'INVALID_ARGUMENT'],
    [{ messages: [{ topic: 'a b', body: '' }] }, 400, 'INVALID_TOPIC'],
    [{ messages: [draft('ok'), { topic: 'x'.repeat(201), body: '' }] }, 400, 'INVALID_TOPIC'],
    [{ messages: [{ topic: 'a b', body: 7 }] }, 400, 'INVALID_ARGUMENT'],
    [{ messages: [draft('\ud800')] }, 400, 'INVALID_ARGUMENT'],
    [{ messages: [{ ...draft('x'), headers: { Upper: 'x' } }] }, 400, 'INVALID_ARGUMENT'],
    [{ messages: [{ ...draft('x'), surprise: 1 }] }, 400, 'INVALID_ARGUMENT'],
    [{ messages: [{ ...draft('x'), contentType: 'text/plain\n' }] }, 400, 'INVALID_ARGUMENT'],
    [{ messages: [draft('x')], acks: 0 }, 400, 'INVALID_ARGUMENT'],
    [{ messages: [draft('x')], timeoutMs: limits.waitMs + 1 }, 400, 'INVALID_ARGUMENT'],
    [{ messages: Array.from({ length: 1_000_000 }, () => 0) }, 400, 'INVALID_ARGUMENT'],
    [{ messages: [{ ...draft('x'), headers: manyNames }] }, 400, 'INVALID_ARGUMENT'],
    [{ messages: [{ ...draft('x'), ...manyNames }] }, 400, 'INVALID_ARGUMENT'],
    [{ messages: [draft('x'.repeat(limits.messageBodyBytes + 1))] }, 413, 'PAYLOAD_TOO_LARGE'],
    [`{"messages":[${' '.repeat(6 * 1024 * 1024)}]}`, 413, 'PAYLOAD_TOO_LARGE'],
  ];
  for (const [body, status, code] of cases) {
    const answer = await node.post('/v1/messages', body);
    const about = (typeof body === 'string' ? body : JSON.stringify(body)).slice(0, 80);
    assert.deepEqual([answer.status, codeOf(answer)], [status, code], about);
    assert.ok(problemSchema.parse(answer.body).detail.length < 2_000, about);
  }
  assert.equal(node.service.replica.count(), 0);
});

test('bytes that are not UTF-8 are refused, not stored as other characters', async () => {
  await using node = await TestNode.start();
  const bytes = Buffer.from(JSON.stringify({ messages: [draft('?')] }));
  bytes[bytes.indexOf('?')] = 0xff;
  const headers = { 'content-type': 'application/json', ...vouched() };
  const { status, text } = await node.send('/v1/messages', { method: 'POST', body: bytes, headers });
  assert.deepEqual([status, problemSchema.parse(JSON.parse(text)).code], [400, 'INVALID_JSON']);
  assert.equal(node.service.replica.count(), 0);
});

test('takes JSON only, unpacked', async () => {
  await using node = await TestNode.start();
  const body = JSON.stringify({ messages: [draft('x')] });
  const plain = await node.post('/v1/messages', body, { 'content-type': 'text/plain' });
  assert.deepEqual([plain.status, codeOf(plain)], [415, 'UNSUPPORTED_MEDIA_TYPE']);
  const packed = await node.post('/v1/messages', body, { 'content-encoding': 'gzip' });
  assert.deepEqual([packed.status, codeOf(packed)], [415, 'UNSUPPORTED_MEDIA_TYPE']);
});

test('the largest body fits, each of its bytes escaped', async () => {
  await using node = await TestNode.start();
  const body = '\u0001'.repeat(limits.messageBodyBytes);
  const { results } = await node.publish({ messages: [draft(body)] });
  const read = await node.get(`/v1/messages/${results[0]?.id}`);
  assert.equal(messageSchema.parse(read.body).body, body);
});

test('a full queue is 503 with a time to come back', async () => {
  await using node = await TestNode.start();
  node.service.refusal = new GrapevineError('OVERLOADED', 'The queue is full.', { retryAfterSeconds: 2 });
  const answer = await node.post('/v1/messages', { messages: [draft('x')] });
  assert.deepEqual([answer.status, codeOf(answer), answer.headers.get('retry-after')], [503, 'OVERLOADED', '2']);
});

test('bodies that would not fit into memory together are 503 before they are read', async (t) => {
  await using node = await TestNode.start();
  const largest = 1024 * 1024 + 16 * limits.messageBodyBytes;
  const headers = { ...vouched(), 'content-type': 'application/json' };
  const unsent = Array.from({ length: Math.floor((64 * 1024 * 1024) / largest) }, () =>
    request(`${node.url}/v1/messages`, {
      method: 'POST',
      headers: { ...headers, 'content-length': largest },
      agent: false,
    }),
  );
  t.after(() => {
    for (const one of unsent) one.destroy();
  });
  for (const one of unsent) one.on('error', () => {}).flushHeaders();
  const publish = (): Promise<Answer> => node.post('/v1/messages', { messages: [draft('x'.repeat(largest - 100))] });
  await until(async () => (await publish()).status === 503);
  const refused = await publish();
  assert.deepEqual([codeOf(refused), refused.headers.get('retry-after')], ['OVERLOADED', '1']);
  for (const one of unsent) one.destroy();
  await until(async () => (await publish()).status !== 503);
});

test('reads many by id, each in its place', async () => {
  await using node = await TestNode.start();
  const { results } = await node.publish({ messages: [draft('one'), draft('two')] });
  const [one, two] = results.map(({ id }) => id);
  const none = '0'.repeat(64);
  const answer = await node.get(`/v1/messages?ids=${[two, none, one, two].join(',')}`);
  const { items } = messagesByIdResponseSchema.parse(answer.body);
  assert.deepEqual(
    items.map((item) => item?.body ?? null),
    ['two', null, 'one', 'two'],
  );
  for (const ids of ['', 'x', `${none},`, Array.from({ length: limits.idsPerRead + 1 }, () => none).join(',')]) {
    assert.equal((await node.get(`/v1/messages?ids=${ids}`)).status, 400, ids.slice(0, 70));
  }
  assert.equal((await node.get('/v1/messages')).status, 400, 'no ids at all');
});

test('a message that is not here is 404, an impossible id 400, an erased one says so', async () => {
  await using node = await TestNode.start();
  const { results } = await node.publish({ messages: [draft('x')] });
  const id = results[0]?.id ?? '';
  for (const path of ['', '/proof']) {
    assert.equal((await node.get(`/v1/messages/${'0'.repeat(64)}${path}`)).status, 404);
    const impossible = await node.get(`/v1/messages/${id.toUpperCase()}${path}`);
    assert.deepEqual([impossible.status, codeOf(impossible)], [400, 'INVALID_ARGUMENT']);
  }
  node.service.erase(id);
  const erased = await node.get(`/v1/messages/${id}`);
  assert.deepEqual([erased.status, codeOf(erased)], [410, 'ERASED']);
  const batch = await node.get(`/v1/messages?ids=${id},${'0'.repeat(64)}`);
  assert.deepEqual(batch.body, { items: [null, null], erased: [id] });
  const proof = verifyMessageProof((await node.get(`/v1/messages/${id}/proof`)).body);
  assert.ok(proof.valid);
  assert.deepEqual([proof.seq, proof.entry], [0, undefined]);
});

test('a message has its id as its tag', async () => {
  await using node = await TestNode.start();
  const { results } = await node.publish({ messages: [draft('x')] });
  const id = results[0]?.id ?? '';
  const first = await node.get(`/v1/messages/${id}`);
  assert.equal(first.headers.get('etag'), `"${id}"`);
  const again = await node.get(`/v1/messages/${id}`, { 'if-none-match': `"other", "${id}"` });
  assert.deepEqual([again.status, again.text], [304, '']);
  const unknown = await node.get(`/v1/messages/${'0'.repeat(64)}`, { 'if-none-match': '*' });
  assert.equal(unknown.status, 404, 'what is not here has no version');
});

test('a proof leads from the entry to a head that its origin signed', async () => {
  await using node = await TestNode.start();
  const { results } = await node.publish({ messages: Array.from({ length: 7 }, (_, i) => draft(`m${i}`)) });
  for (const { id, seq } of results) {
    const proof = messageProofSchema.parse((await node.get(`/v1/messages/${id}/proof`)).body);
    const bytes = Uint8Array.fromBase64(proof.entry ?? '');
    assert.deepEqual([decodeEntry(bytes).seq, proof.seq, proof.treeSize], [seq, seq, 7]);
    const root = Uint8Array.fromHex(proof.head.root);
    const path = proof.path.map((hash) => Uint8Array.fromHex(hash));
    const leafHash = nobleTreeHash.leaf(bytes);
    assert.equal(leafHash.toHex(), id);
    assert.ok(verifyInclusion({ hash: nobleTreeHash, leafHash, index: seq, size: 7, path, root }));
    const head = node.service.head(node.service.origin);
    assert.ok(head !== undefined && nobleHeadVerifier.verify(head));
    assert.equal(head.root.toHex(), proof.head.root);
  }
});

test('a read waits for the entries that its token covers', async () => {
  await using a = await TestNode.start('node-a');
  await using b = await TestNode.start('node-b');
  const { results, token } = await a.publish({ messages: [draft('x')] });
  const path = `/v1/messages/${results[0]?.id}?consistency=${token}`;
  const reading = b.get(`${path}&waitMs=10000`);
  // The wait has begun when the node listens for commits; its stream hub is the first listener.
  await until(() => b.service.listeners === 2);
  a.service.replicateTo(b.service);
  assert.equal((await reading).status, 200);
});

test('a read that cannot be covered in time says how far the node is', async () => {
  await using node = await TestNode.start();
  const { results } = await node.publish({ messages: [draft('x')] });
  const missing = encodeToken(new Map([['f'.repeat(32), 3]]));
  const id = results[0]?.id;
  for (const path of [
    `/v1/messages/${id}?`,
    `/v1/messages/${id}/proof?`,
    `/v1/messages?ids=${id}&`,
    '/v1/topics?',
    '/v1/topics/news?',
    '/v1/topics/news/messages?',
    '/v1/sync?',
  ]) {
    const answer = await node.get(`${path}consistency=${missing}&waitMs=1`);
    assert.deepEqual([answer.status, codeOf(answer)], [409, 'NOT_YET'], path);
    assert.equal((answer.body as { have?: unknown }).have, node.service.replica.token());
    const broken = await node.get(`${path}consistency=AAAA&waitMs=1`);
    assert.deepEqual([broken.status, codeOf(broken)], [400, 'INVALID_CURSOR'], path);
    const tooLong = await node.get(`${path}waitMs=${limits.waitMs + 1}`);
    assert.deepEqual([tooLong.status, codeOf(tooLong)], [400, 'INVALID_ARGUMENT'], path);
  }
});

test('the author is the caller, not what the request says', async () => {
  await using node = await TestNode.start();
  await node.post('/v1/messages', { messages: [draft('x')] }, vouched(['messages:write'], 'bob'));
  const [held] = node.service.replica.log(node.service.origin);
  assert.equal(held?.entry.author, 'bob');
});
