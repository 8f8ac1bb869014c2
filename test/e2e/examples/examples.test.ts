import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { buffer } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { brotliCompressSync, brotliDecompressSync, gunzipSync } from 'node:zlib';
import { z } from 'zod';
import { MobileClient } from '../clients.ts';
import { type Cluster, startCluster, stopCluster, temporaryFolder } from '../cluster.ts';
import { startBrowser } from '../console/browser.ts';
import { nodeApis } from '../node-api.ts';
import { until } from '../until.ts';

const examples = resolve(import.meta.dirname, '../../../examples');
const program = resolve(examples, 'phone/phone.js');
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
let site: string;

before(async () => {
  ({ path: folder } = resources.use(await temporaryFolder()));
  const { path: dataDir } = resources.use(await temporaryFolder());
  site = await startSite();
  const environment = { GRAPEVINE_GATEWAY__CORS: JSON.stringify({ origins: [site] }) };
  cluster = resources.adopt(await startCluster({ dataDir, environment }), stopCluster);
});

/** The web example's files, served as it serves them itself; answers their origin. */
async function startSite(): Promise<string> {
  const child = spawn(process.execPath, [resolve(examples, 'web/serve.js')], {
    env: { ...process.env, PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  resources.defer(() => void child.kill());
  const [line] = await once(createInterface(child.stdout), 'line');
  return new URL(String(line)).origin;
}

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

test('more than one request takes is sent in several', async () => {
  const body = 'x'.repeat(250_000);
  const outbox = Array.from({ length: 10 }, (_, i) => ({ topic: 'phone/long', body, idempotencyKey: `long ${i}` }));
  await writeFile(fileOf('cem'), JSON.stringify({ outbox, refused: [], messages: [] }));
  assert.equal((await phone('cem', ['sync', 'phone/long'])).text, '10 new, 10 in all, 0 refused\n');
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

test('the page in a browser publishes, goes on after a reload, and verifies proofs by itself', async () => {
  await using opened = new AsyncDisposableStack();
  const browser = opened.adopt(await startBrowser(), (one) => one.close());
  const page = await browser.newPage();
  const broken: string[] = [];
  page.on('pageerror', ({ message }) => broken.push(message));
  const { gateway, tokens } = cluster;
  await page.goto(`${site}/#gateway=${gateway}&topic=web/example&token=${tokens.web}`);
  const items = page.locator('#messages li');
  const publish = async (text: string): Promise<void> => {
    await page.fill('#body', text);
    await page.click('#publish button');
    await items.filter({ hasText: text }).waitFor({ timeout: 30_000 });
  };
  await publish('from the page');
  const client = new MobileClient(gateway, tokens.mobile);
  await client.publish({ topic: 'web/example', body: 'from a phone', acks: 3 });
  await items.filter({ hasText: 'from a phone' }).waitFor({ timeout: 30_000 });
  await page.goto('about:blank');
  await client.publish({ topic: 'web/example', body: 'while the page was away', acks: 3 });
  await page.goBack();
  await items.filter({ hasText: 'while the page was away' }).waitFor({ timeout: 30_000 });
  assert.equal(await items.count(), 3);

  await items.filter({ hasText: 'from a phone' }).getByRole('button').click();
  const verdict = page.locator('#verdict');
  await verdict.filter({ hasText: 'says “from a phone”' }).waitFor({ timeout: 30_000 });
  const proof = await page.inputValue('#proof');
  const damaged = {
    path: proof.replace(/"treeSize": \d+/, '"treeSize": 999999'),
    id: proof.replace(/"entry": "(.)/, (_all, first) => `"entry": "${first === 'A' ? 'B' : 'A'}`),
    signature: proof.replace(/"signature": "(.)/, (_all, digit) => `"signature": "${digit === '0' ? '1' : '0'}`),
    document: '{',
  };
  for (const [what, text] of Object.entries(damaged)) {
    assert.notEqual(text, proof, what);
    await page.fill('#proof', text);
    await page.click('#check button');
    assert.match(String(await verdict.textContent()), /^Refused at the step /, what);
  }
  await page.fill('#proof', proof);
  await page.click('#check button');
  assert.match(String(await verdict.textContent()), /^Proven: /);
  assert.deepEqual(broken, []);
});
