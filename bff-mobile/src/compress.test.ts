import assert from 'node:assert/strict';
import { type IncomingMessage, request } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { type MobileUnderTest, startMobile } from './mobile.fixture.ts';

let mobile: MobileUnderTest;
before(async () => {
  mobile = await startMobile(1);
  for (let i = 0; i < 20; i++) await mobile.publish('long', `message ${i} ${'with words that come again '.repeat(5)}`);
});
after(() => mobile.stop());

/** As it is on the wire: `fetch` would decode it. */
async function get(path: string, headers: Record<string, string> = {}) {
  const options = { port: mobile.port, path: `/mobile/v1${path}`, headers: { ...mobile.identity(), ...headers } };
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  request(options, resolve).once('error', reject).end();
  const response = await promise;
  return { status: response.statusCode, headers: response.headers, body: await buffer(response) };
}

test('a page comes in the encoding that the client takes, with the same weak tag in each', async () => {
  const plain = await get('/topics/long/messages');
  const brotli = await get('/topics/long/messages', { 'accept-encoding': 'gzip, deflate, br' });
  const gzip = await get('/topics/long/messages', { 'accept-encoding': 'gzip' });
  assert.equal(plain.headers['content-encoding'], undefined);
  assert.equal(brotli.headers['content-encoding'], 'br');
  assert.equal(gzip.headers['content-encoding'], 'gzip');
  assert.deepEqual(brotliDecompressSync(brotli.body), plain.body);
  assert.deepEqual(gunzipSync(gzip.body), plain.body);
  assert.ok(brotli.body.length < plain.body.length / 3, `${brotli.body.length} of ${plain.body.length}`);
  const tags = [plain, brotli, gzip].map(({ headers }) => headers.etag);
  assert.match(String(tags[0]), /^W\//);
  assert.deepEqual(new Set(tags).size, 1);
  for (const { headers } of [plain, brotli, gzip]) assert.match(String(headers.vary), /accept-encoding/);
});

test('an answer that has not changed is a 304 in every encoding, and says that it varies', async () => {
  const { headers } = await get('/topics/long/messages', { 'accept-encoding': 'br' });
  for (const encoding of ['br', 'gzip', 'identity']) {
    const conditions = { 'accept-encoding': encoding, 'if-none-match': String(headers.etag) };
    const again = await get('/topics/long/messages', conditions);
    assert.deepEqual([again.status, again.body.length, again.headers['content-encoding']], [304, 0, undefined]);
    assert.match(String(again.headers.vary), /accept-encoding/);
  }
});

test('what is short stays as it is, and an encoding that is refused is not used', async () => {
  const short = await get('/topics', { 'accept-encoding': 'br' });
  assert.equal(short.headers['content-encoding'], undefined);
  const refused = await get('/topics/long/messages', { 'accept-encoding': 'br;q=0, gzip;q=0' });
  assert.equal(refused.headers['content-encoding'], undefined);
});

test('the description of the API is compressed as well', async () => {
  const { headers, body } = await get('/openapi.json', { 'accept-encoding': 'br' });
  assert.equal(headers['content-encoding'], 'br');
  assert.equal(JSON.parse(brotliDecompressSync(body).toString()).openapi, '3.1.0');
});
