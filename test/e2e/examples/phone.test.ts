import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFile, readFile } from 'node:fs/promises';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { buffer } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { brotliCompressSync, brotliDecompressSync, gunzipSync } from 'node:zlib';
import { z } from 'zod';
import { MobileClient } from '../clients.ts';
import { type Cluster, startCluster, stopCluster, temporaryFolder } from '../cluster.ts';
import { nodeApis } from '../node-api.ts';
import { until } from '../until.ts';

const program = resolve(import.meta.dirname, '../../../examples/phone/phone.js');
const topic = 'phone/outbox';
const stateSchema = z.object({
  outbox: z.array(z.unknown()),
  refused: z.array(z.object({ draft: z.object({ body: z.string() }) })),
  messages: z.array(z.object({ id: z.string(), body: z.string() })),
});

const resources = new AsyncDisposableStack();
after(() => resources.disposeAsync());
let cluster: Cluster;
let folder: string;

before(async () => {
  ({ path: folder } = resources.use(await temporaryFolder()));
  const { path: dataDir } = resources.use(await temporaryFolder());
  cluster = resources.adopt(await startCluster({ dataDir }), stopCluster);
});

/** Runs the example as the phone called `name`; answers its exit code and what it printed. */
function phone(name: string, args: readonly string[], url = cluster.gateway): Promise<{ code: number; text: string }> {
  const environment = { GRAPEVINE_URL: url, GRAPEVINE_TOKEN: cluster.tokens.mobile, PHONE_FILE: fileOf(name) };
  return new Promise((done) => {
    execFile(process.execPath, [program, ...args], { env: { ...process.env, ...environment } }, (error, out, errors) =>
      done({ code: typeof error?.code === 'number' ? error.code : 0, text: out + errors }),
    );
  });
}

function fileOf(name: string): string {
  return join(folder, `${name}.json`);
}

async function stateOf(name: string) {
  return stateSchema.parse(JSON.parse(await readFile(fileOf(name), 'utf8')));
}

async function bodiesOf(name: string): Promise<string[]> {
  return (await stateOf(name)).messages.map(({ body }) => body);
}

test('what is written offline waits, and is sent once there is a connection', async () => {
  for (const text of ['first', 'second', 'third']) {
    assert.equal((await phone('ada', ['write', topic, text])).code, 0);
  }
  const offline = await phone('ada', ['sync', topic], 'http://127.0.0.1:9');
  assert.deepEqual([offline.code, (await stateOf('ada')).outbox.length], [1, 3]);
  assert.match(offline.text, /^phone: no connection to .*: nothing is lost/);
  assert.equal((await phone('ada', ['sync', topic])).text, '3 new, 3 in all, 0 refused\n');
  assert.deepEqual(await bodiesOf('ada'), ['first', 'second', 'third']);
  assert.equal((await phone('ada', ['sync', topic])).text, '0 new, 3 in all, 0 refused\n');
});

test('an answer that got lost costs nothing: the outbox is sent again and gives the same messages', async () => {
  await phone('ada', ['write', topic, 'fourth']);
  await copyFile(fileOf('ada'), fileOf('before'));
  await phone('ada', ['sync', topic]);
  await copyFile(fileOf('before'), fileOf('ada'));
  assert.equal((await phone('ada', ['sync', topic])).text, '1 new, 4 in all, 0 refused\n');
  assert.deepEqual(await bodiesOf('ada'), ['first', 'second', 'third', 'fourth']);
});

test('another phone catches up, and goes on from its token though the node that gave it is gone', async () => {
  await phone('bob', ['sync', topic]);
  for (const [number, { name }] of nodeApis(cluster).entries()) {
    await phone('ada', ['write', topic, `after ${number}`]);
    await phone('ada', ['sync', topic]);
    await cluster.killAndAwait(name);
    assert.equal((await phone('bob', ['sync', topic])).code, 0);
  }
  const bodies = new Set(await bodiesOf('ada'));
  assert.equal(bodies.size, 7);
  // A node that answers bob may be a moment behind the one that took a message.
  await until('bob has it all', async () => {
    await phone('bob', ['sync', topic]);
    return new Set(await bodiesOf('bob')).isSupersetOf(bodies);
  });
  assert.deepEqual((await bodiesOf('bob')).sort(), [...bodies].sort());
});

test('what can never be sent does not hold up the rest', async () => {
  await phone('ada', ['write', 'not a topic', 'refused']);
  await phone('ada', ['write', topic, 'sent']);
  assert.equal((await phone('ada', ['sync', topic])).text, '1 new, 8 in all, 1 refused\n');
  const { refused, outbox } = await stateOf('ada');
  assert.deepEqual([refused.map(({ draft }) => draft.body), outbox], [['refused'], []]);
});

/** An answer as it is on the wire. */
async function onTheWire(path: string, headers: Record<string, string>, json?: object): Promise<Wire> {
  const { promise, resolve: answered, reject } = Promise.withResolvers<IncomingMessage>();
  const body = json === undefined ? undefined : JSON.stringify(json);
  const content: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' };
  httpRequest(`${cluster.gateway}${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${cluster.tokens.mobile}`, ...content, ...headers },
  })
    .once('response', answered)
    .once('error', reject)
    .end(body);
  const response = await promise;
  assert.equal(response.statusCode, 200);
  return { encoding: response.headers['content-encoding'], bytes: await buffer(response) };
}

interface Wire {
  readonly encoding: string | undefined;
  readonly bytes: Buffer;
}

test('a page costs a phone fewer bytes than a browser, plain and compressed, and everybody gets the encoding that they take', async () => {
  const page = '/mobile/v1/topics/bytes/messages?limit=50';
  const client = new MobileClient(cluster.gateway, cluster.tokens.mobile);
  for (let i = 0; i < 50; i++)
    await client.publish({ topic: 'bytes', acks: 3, body: `Reading ${i}: 21.5 °C, humidity 40 %` });
  const plain = await onTheWire(page, {});
  const query = `{ messages(topic: "bytes", first: 50) {
    edges { cursor node { id topic author createdAt body contentType key headers origin seq } }
    pageInfo { hasNextPage endCursor } } }`;
  const web = await onTheWire('/web/graphql', {}, { query });
  assert.ok(plain.bytes.length < 0.8 * web.bytes.length, `${plain.bytes.length} of ${web.bytes.length} bytes`);
  // Twice: the second time from the gateway's cache.
  for (const encoding of ['br', 'gzip', 'identity', 'br', 'gzip', 'identity']) {
    const { encoding: found = 'identity', bytes } = await onTheWire(page, { 'accept-encoding': encoding });
    assert.equal(found, encoding);
    const decode = { br: brotliDecompressSync, gzip: gunzipSync, identity: (same: Buffer) => same }[encoding];
    assert.equal(String(decode?.(bytes)), String(plain.bytes));
    if (encoding === 'br') {
      const compressedWeb = brotliCompressSync(web.bytes).length;
      assert.ok(bytes.length < compressedWeb, `${bytes.length} of ${compressedWeb} bytes`);
    }
  }
});
