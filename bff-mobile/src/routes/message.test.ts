import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { encodeToken } from '@grapevine/shared/contracts/consistency-token.ts';
import { verifyMessageProof } from '@grapevine/shared/verifier/verify-message.ts';
import { messageSchema } from '../contract/responses.ts';
import { type MobileUnderTest, type Published, startMobile } from '../mobile.fixture.ts';

let mobile: MobileUnderTest;
let published: Published;
before(async () => {
  mobile = await startMobile();
  await mobile.publish('t', 'first');
  published = await mobile.publish('t', 'second');
  await mobile.publish('t', 'third');
});
after(() => mobile.stop());

test('gives a message by its id, which is its ETag', async () => {
  const response = await mobile.call(`/messages/${published.id}`);
  const message = messageSchema.strict().parse(await response.json());
  assert.deepEqual([message.id, message.body, message.seq], [published.id, 'second', published.seq]);
  const etag = response.headers.get('etag') ?? '';
  assert.equal(etag, `W/"${published.id}"`);
  const token = encodeToken(new Map([[published.origin, published.seq + 1]]));
  assert.equal(response.headers.get('grapevine-consistency'), token);
  const again = await mobile.call(`/messages/${published.id}`, { headers: { 'if-none-match': etag } });
  assert.equal(again.status, 304);
});

test('gives a proof that holds', async () => {
  const response = await mobile.call(`/messages/${published.id}/proof`);
  const token = encodeToken(new Map([[published.origin, published.seq + 1]]));
  assert.equal(response.headers.get('grapevine-consistency'), token);
  const verified = verifyMessageProof(await response.json());
  assert.ok(verified.valid, 'expected a valid proof');
  assert.equal(new TextDecoder().decode(verified.entry?.body), 'second');
});

test('says that a message has been erased, and still proves that it was there', async () => {
  const { id, seq } = await mobile.publish('t', 'gone soon');
  for (const node of mobile.cluster.nodes) node.replica.erased.add(id);
  const response = await mobile.call(`/messages/${id}`);
  assert.equal(response.status, 410);
  assert.equal(((await response.json()) as { code: string }).code, 'ERASED');
  const verified = verifyMessageProof(await (await mobile.call(`/messages/${id}/proof`)).json());
  assert.ok(verified.valid);
  assert.deepEqual([verified.seq, verified.entry], [seq, undefined]);
});

test('finds a message that only one node holds yet', async () => {
  const [, lonely] = mobile.cluster.nodes;
  assert.ok(lonely !== undefined);
  lonely.connected = false;
  const { held } = lonely.replica.publish('ada', { topic: 't', body: 'x', contentType: 'text/plain', headers: {} });
  for (const path of [`/messages/${held.message.id}`, `/messages/${held.message.id}/proof`]) {
    assert.equal((await mobile.call(path)).status, 200, path);
  }
  lonely.connected = true;
  lonely.replicate();
});

test('answers 404 for ids that nobody holds, or that are none', async () => {
  for (const id of ['0'.repeat(64), 'x', published.id.toUpperCase(), '..%2F..', 'a%2Cb']) {
    for (const path of [`/messages/${id}`, `/messages/${id}/proof`]) {
      const response = await mobile.call(path);
      assert.equal(response.status, 404, path);
      assert.equal(((await response.json()) as { code: string }).code, 'NOT_FOUND');
    }
  }
});
