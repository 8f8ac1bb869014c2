import assert from 'node:assert/strict';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { startWeb, type WebUnderTest } from './web.fixture.ts';

/** All files of the console, compressed: it opens at once on a bad line, when something is wrong. */
const maxConsoleBytes = 150_000;

let web: WebUnderTest;
before(async () => {
  web = await startWeb();
});
after(() => web.stop());

const topics = '{ topics { edges { cursor } } }';
const json = (): Record<string, string> => ({ 'content-type': 'application/json', ...web.identity() });
const post = (body: string | Buffer<ArrayBuffer>, headers: Record<string, string> = {}): Promise<Response> =>
  web.request({ method: 'POST', headers: { ...json(), ...headers }, body });

test('nobody gets data without an identity that the gateway signed', async () => {
  const body = JSON.stringify({ query: topics });
  const type = { 'content-type': 'application/json' };
  const [mine] = Object.values(web.identity());
  const forged = [
    {},
    { 'grapevine-identity': 'v1.e30.e30' },
    { 'grapevine-identity': `${mine}x` },
    { authorization: 'Bearer x' },
  ];
  for (const headers of forged) {
    const response = await web.request({
      method: 'POST',
      headers: { ...type, ...headers } as Record<string, string>,
      body,
    });
    assert.equal(response.status, 401);
    assert.equal(response.headers.get('content-type'), 'application/problem+json');
    assert.equal(((await response.json()) as { code: string }).code, 'UNAUTHENTICATED');
  }
});

test('an operation whose scope the caller lacks is refused as a whole, before any of it is done', async () => {
  const count = (): number => web.cluster.nodes.reduce((sum, { replica }) => sum + replica.count(), 0);
  const before = count();
  const documents: readonly (readonly [string, string])[] = [
    ['mutation { publish(input: { topic: "t", body: "x" }) { heldBy } }', 'messages:write'],
    [
      'mutation { ...F } fragment F on Mutation { publish(input: { topic: "t", body: "x" }) { heldBy } }',
      'messages:write',
    ],
    ['{ topics { edges { cursor } } cluster { nodes { name } } }', 'cluster:read'],
    ['{ ... { cluster { nodes { name } } } }', 'cluster:read'],
    ['subscription { clusterChanged { nodes { name } } }', 'cluster:read'],
  ];
  for (const [query, scope] of documents) {
    const headers = { 'content-type': 'application/json', ...web.identity({ scopes: ['messages:read'] }) };
    const response = await web.request({ method: 'POST', headers, body: JSON.stringify({ query }) });
    assert.equal(response.status, 403, query);
    const text = await response.text();
    assert.match(text, /"code":"FORBIDDEN"/);
    assert.match(text, new RegExp(`needs the scope ${scope}`));
  }
  assert.equal(count(), before);
});

test('what is no GraphQL request is a 400 problem with a code', async () => {
  const bodies: readonly (readonly [string | Buffer<ArrayBuffer>, string])[] = [
    ['{bad', 'INVALID_JSON'],
    ['', 'INVALID_JSON'],
    [Buffer.from('{"query":"\xff"}', 'latin1'), 'INVALID_JSON'],
    ['null', 'BAD_REQUEST'],
    ['5', 'BAD_REQUEST'],
    ['[]', 'BAD_REQUEST'],
    [`[{"query":"${topics}"}]`, 'BAD_REQUEST'],
    ['{}', 'BAD_REQUEST'],
  ];
  for (const [body, code] of bodies) {
    const response = await post(body);
    assert.equal(response.status, 400, String(body));
    assert.equal(response.headers.get('content-type'), 'application/problem+json');
    assert.equal(((await response.json()) as { code: string }).code, code, String(body));
  }
});

test('a wrong GraphQL request is a 400 with a code, whatever is wrong', async () => {
  const bodies: readonly (readonly [string, string])[] = [
    ['{"query":5}', 'BAD_REQUEST'],
    ['{"query":null}', 'BAD_REQUEST'],
    [`{"query":"${topics}","variables":"x"}`, 'BAD_REQUEST'],
    [`{"query":"${topics}","surprise":1}`, 'BAD_REQUEST'],
    ['{"query":"{"}', 'GRAPHQL_PARSE_FAILED'],
    ['{"query":""}', 'GRAPHQL_PARSE_FAILED'],
    ['{"query":"{ nope }"}', 'GRAPHQL_VALIDATION_FAILED'],
    ['{"query":"{ __proto__ }"}', 'GRAPHQL_VALIDATION_FAILED'],
    [`{"query":"query A ${topics} query B ${topics}"}`, 'GRAPHQL_VALIDATION_FAILED'],
    [`{"query":"${topics}","operationName":"X"}`, 'GRAPHQL_VALIDATION_FAILED'],
    [`{"query":"${topics}","operationName":5}`, 'GRAPHQL_VALIDATION_FAILED'],
    ['{"query":"query ($n: Int!) { topics(first: $n) { edges { cursor } } }"}', 'GRAPHQL_VALIDATION_FAILED'],
    ['{"query":"{ topics(first: 99999999999) { edges { cursor } } }"}', 'GRAPHQL_VALIDATION_FAILED'],
  ];
  for (const [body, code] of bodies) {
    const response = await post(body);
    const answer = (await response.json()) as { errors: { extensions: { code: string } }[] };
    assert.equal(response.status, 400, body);
    assert.equal(answer.errors[0]?.extensions.code, code, body);
  }
  const get = await web.request({ headers: json(), query: `?query=${topics}&variables={bad` });
  assert.equal(get.status, 400);
  assert.match(await get.text(), /INVALID_JSON/);
});

test('a client that names application/json as all it takes gets a document’s mistakes with 200, as the specification says', async () => {
  const headers = { accept: 'application/json' };
  assert.equal((await post('{"query":"{"}', headers)).status, 200);
  assert.equal((await post('{"query":"{ nope }"}', headers)).status, 200);
  assert.equal((await post('{"query":"{ topic(name: \\"a b\\") { name } }"}', headers)).status, 400);
  assert.equal((await post('{bad', headers)).status, 400);
});

test('a body that is too large is a 413, declared or not, and the connection stays usable', async () => {
  const { port } = new URL(web.url);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const send = (body: string, headers: Record<string, string | number>): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      const options = { port, agent, method: 'POST', path: '/web/graphql', headers: { ...json(), ...headers } };
      const sending = request(options, (response) => response.resume().once('end', () => resolve(response.statusCode)));
      sending.once('error', reject).end(body);
    });
  const large = JSON.stringify({ query: topics, variables: { x: 'x'.repeat(3_000_000) } });
  const small = JSON.stringify({ query: topics });
  assert.equal(await send(large, { 'transfer-encoding': 'chunked' }), 413);
  assert.equal(await send(small, {}), 200);
  assert.equal(await send(large, { 'content-length': large.length }), 413);
  assert.equal(await send(small, {}), 200);
  agent.destroy();
});

test('forms and other types that a foreign page could post are refused', async () => {
  for (const type of [
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'text/plain',
    'application/graphql',
  ]) {
    assert.equal((await post(`query=${topics}`, { 'content-type': type })).status, 415, type);
  }
});

test('a body that is compressed is refused before anything of it is unpacked', async () => {
  const query = `{ __typename }${' '.repeat(10_000_000)}`;
  const bomb = gzipSync(JSON.stringify({ query }));
  for (const encoding of ['gzip', 'br', 'deflate', 'zstd']) {
    const headers = { ...json(), 'content-encoding': encoding };
    assert.equal((await web.request({ method: 'POST', headers, body: bomb })).status, 415, encoding);
  }
});

test('queries may be a GET, writes may not; other methods are refused', async () => {
  const query = await web.request({ headers: json(), query: `?query=${encodeURIComponent(topics)}` });
  assert.equal(query.status, 200);
  const document = encodeURIComponent('mutation { publish(input: { topic: "t", body: "x" }) { heldBy } }');
  const write = await web.request({ headers: json(), query: `?query=${document}` });
  assert.equal(write.status, 405);
  assert.equal(write.headers.get('allow'), 'POST');
  for (const method of ['PUT', 'DELETE', 'PATCH']) {
    assert.equal((await web.request({ method, headers: json(), body: '{}' })).status, 405, method);
  }
});

test('what the cluster cannot do right now is a 503 that says when to try again', async () => {
  for (const node of web.cluster.nodes)
    node.failure = new GrapevineError('OVERLOADED', 'Full.', { retryAfterSeconds: 7 });
  const answer = await web.graph(topics);
  for (const node of web.cluster.nodes) node.failure = undefined;
  assert.equal(answer.status, 503);
  assert.equal(answer.headers.get('retry-after'), '7');
  assert.deepEqual(answer.errors[0]?.extensions, { code: 'OVERLOADED', retryAfter: 7 });
});

test('the caller and the request id go down to the node and into the log', async () => {
  const headers = { ...json(), 'x-request-id': 'find-me' };
  await web.request({ method: 'POST', headers, body: JSON.stringify({ query: topics }) });
  const requests = web.cluster.nodes
    .flatMap((node) => node.requests)
    .filter(({ requestId }) => requestId === 'find-me');
  assert.deepEqual(
    requests.map(({ caller, url }) => [caller.subject, url]),
    [['ada', '/v1/topics?limit=20']],
  );
  const line = web.logged.find(({ requestId }) => requestId === 'find-me');
  assert.deepEqual([line?.['principal'], line?.['status'], line?.['path']], ['ada', 200, '/web/graphql']);
});

test('health, readiness and metrics are open; unknown paths are problems', async () => {
  assert.equal((await fetch(`${web.url}/healthz`)).status, 200);
  assert.equal((await fetch(`${web.url}/readyz`)).status, 200);
  const metrics = await (await fetch(`${web.url}/metrics`)).text();
  assert.match(metrics, /grapevine_graphql_operations_total\{type="query",.*\} \d+/);
  assert.match(metrics, /grapevine_node_call_duration_seconds_count\{.*outcome="ok".*\} \d+/);
  const unknown = await fetch(`${web.url}/web/other`);
  assert.equal(unknown.status, 404);
  assert.equal(((await unknown.json()) as { code: string }).code, 'NOT_FOUND');
});

test('readiness fails while no node answers', async () => {
  const lonely = await startWeb(1, { seeds: ['http://127.0.0.1:9'] });
  try {
    const response = await fetch(`${lonely.url}/readyz`);
    assert.equal(response.status, 503);
    assert.equal(response.headers.get('retry-after'), '1');
    assert.equal((await fetch(`${lonely.url}/healthz`)).status, 200);
  } finally {
    await lonely.stop();
  }
});

test('the console is static, open, and may load nothing from elsewhere', async () => {
  const folder = `${web.url}/console`;
  const moved = await fetch(folder, { redirect: 'manual' });
  assert.deepEqual([moved.status, moved.headers.get('location')], [301, '/console/']);
  const html = await (await fetch(`${folder}/`)).text();
  const assets = [...html.matchAll(/(?:src|href)="\.\/(assets\/[^"]+)"/g)].map(([, path]) => String(path));
  assert.deepEqual(assets.map((path) => path.split('.').at(-1)).sort(), ['css', 'js']);
  let bytes = 0;
  for (const file of ['', ...assets]) {
    const response = await fetch(`${folder}/${file}`);
    assert.equal(response.status, 200, file);
    assert.match(String(response.headers.get('content-security-policy')), /^default-src 'none'; script-src 'self';/);
    bytes += gzipSync(await response.arrayBuffer()).length;
  }
  assert.ok(bytes < maxConsoleBytes, `${bytes} bytes, compressed`);
  assert.doesNotMatch(html, /https?:\/\/|<script>|style="/);
  for (const path of ['../src/main.ts', '..%2fsrc%2fmain.ts', '%2e%2e/package.json', 'none']) {
    assert.equal((await fetch(`${folder}/${path}`)).status, 404, path);
  }
});

test('a browser that opens the GraphQL address gets GraphiQL in development, whole and without outside sources', async () => {
  const page = await web.request({ headers: { accept: 'text/html' } });
  assert.equal(page.status, 200);
  assert.match(String(page.headers.get('content-security-policy')), /default-src 'none'.*connect-src 'self'/);
  const html = await page.text();
  assert.match(html, /Grapevine GraphiQL/);
  assert.doesNotMatch(html, /<(script|link)[^>]+(src|href)="?https?:/);
  const production = await startWeb(1, { mode: 'production' });
  try {
    assert.equal((await production.request({ headers: { accept: 'text/html' } })).status, 401);
  } finally {
    await production.stop();
  }
});

test('bytes that are no HTTP get an answer and do no harm', async () => {
  const { port } = new URL(web.url);
  const socket = connect(Number(port), '127.0.0.1');
  socket.end('\x16\x03\x01 nonsense\r\n\r\n');
  const chunks = await Array.fromAsync(socket as AsyncIterable<Buffer>);
  assert.match(Buffer.concat(chunks).toString(), /^HTTP\/1\.1 400 /);
  assert.equal((await web.graph(topics)).status, 200);
});
