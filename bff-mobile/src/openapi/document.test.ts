import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { type MobileUnderTest, post, startMobile, withScopes } from '../mobile.fixture.ts';
import { checkAnswer } from '../testing/described-answer.ts';
import { openApiDocument } from './document.ts';
import { commonErrors, type OperationDescription, operations } from './operations.ts';

let mobile: MobileUnderTest;
let id: string;
before(async () => {
  mobile = await startMobile();
  ({ id } = await mobile.publish('described', 'first'));
});
after(() => mobile.stop());

/** A request that is answered well. */
function requestFor({ path, query, body }: OperationDescription, more: RequestInit = {}): [string, RequestInit] {
  const address = path.replace('{topic}', 'described').replace('{id}', id);
  const search = query?.shape['limit'] === undefined ? '' : '?limit=5';
  return [address + search, { ...(body === undefined ? {} : post(body.example)), ...more }];
}

async function call(operation: OperationDescription, more: RequestInit = {}): Promise<Response> {
  return mobile.call(...requestFor(operation, more));
}

test('the document is the one in openapi.json, on which clients depend', () => {
  const committed: unknown = JSON.parse(readFileSync(new URL('../../openapi.json', import.meta.url), 'utf8'));
  assert.deepEqual(JSON.parse(JSON.stringify(openApiDocument())), committed);
});

test('every reference leads somewhere', () => {
  const document = openApiDocument();
  const references = JSON.stringify(document).match(/#\/[\w/]+/g) ?? [];
  assert.ok(references.length > 20);
  for (const reference of references) {
    const found = reference
      .split('/')
      .slice(1)
      .reduce((at: unknown, key) => (at as Record<string, unknown> | undefined)?.[key], document);
    assert.ok(found !== undefined, reference);
  }
});

test('every operation answers as it is described, and says 304 to its own validator', async () => {
  for (const operation of operations) {
    const response = await call(operation);
    const [first] = operation.answers;
    assert.equal(response.status, first?.status, operation.id);
    const etag = response.headers.get('etag');
    await checkAnswer(operation, response);
    if (!operation.answers.some(({ status }) => status === 304)) continue;
    const again = await call(operation, { headers: { 'if-none-match': String(etag) } });
    assert.equal(again.status, 304, operation.id);
    await checkAnswer(operation, again);
  }
});

test('an accepted publish that too few nodes hold in time is described', async () => {
  const publish = operations.find((operation) => operation.id === 'publish');
  assert.ok(publish !== undefined);
  const response = await mobile.call('/topics/described/messages?acks=64&timeoutMs=0', post({ body: 'held by few' }));
  assert.equal(response.status, 202);
  await checkAnswer(publish, response);
});

test('whatever goes wrong in a node, clients get something that is described', async () => {
  for (const operation of operations) {
    for (const code of [...commonErrors, ...operation.errors]) {
      for (const node of mobile.cluster.nodes) {
        node.failure = new GrapevineError(code, 'for the test', { retryAfterSeconds: 1 });
      }
      const response = await call(operation);
      for (const node of mobile.cluster.nodes) node.failure = undefined;
      // A comparison of nodes that do not answer is an answer.
      assert.ok(response.status >= 400 || operation.id === 'getConsistency', `${operation.id} ${code}`);
      await checkAnswer(operation, response);
    }
  }
});

test('what clients do wrong is described', async () => {
  for (const operation of operations) {
    const { path, query, body, scope } = operation;
    const other = scope === 'messages:read' ? 'messages:write' : 'messages:read';
    await checkAnswer(operation, await call(operation, { headers: { 'grapevine-identity': 'none' } }));
    const refused = withScopes(mobile, other);
    await checkAnswer(operation, await call(operation, refused));
    const [address, init] = requestFor(operation);
    const separator = address.includes('?') ? '&' : '?';
    for (const search of ['unknown=1', ...Object.keys(query?.shape ?? {}).map((name) => `${name}=%00`)]) {
      const response = await mobile.call(`${address}${separator}${search}`, init);
      assert.equal(response.status, 400, `${operation.id} ${search}`);
      await checkAnswer(operation, response);
    }
    if (path.includes('{id}')) {
      for (const unknown of ['f'.repeat(64), 'x']) {
        const response = await mobile.call(path.replace('{id}', unknown));
        assert.equal(response.status, 404);
        await checkAnswer(operation, response);
      }
    }
    if (path.includes('{topic}')) await checkAnswer(operation, await mobile.call(path.replace('{topic}', '%00'), init));
    for (const bad of body === undefined ? [] : ['', '{', '[]', '"\ud800"', `"${'x'.repeat(600_000)}"`]) {
      await checkAnswer(operation, await mobile.call(address, post(bad)));
      await checkAnswer(operation, await mobile.call(address, post(bad, { 'content-type': 'text/plain' })));
    }
  }
});

test('document and page are there for everybody, and the page may load nothing', async () => {
  const open = (path: string): Promise<Response> => fetch(`http://127.0.0.1:${mobile.port}/mobile/v1${path}`);
  const document = await open('/openapi.json');
  assert.equal(document.headers.get('content-type'), 'application/json; charset=utf-8');
  assert.deepEqual(await document.json(), JSON.parse(JSON.stringify(openApiDocument())));
  const page = await open('/docs');
  assert.match(String(page.headers.get('content-security-policy')), /^default-src 'none'; style-src 'sha256-/);
  const html = await page.text();
  for (const { path, summary } of operations) assert.ok(html.includes(path) && html.includes(summary), path);
  assert.equal((await fetch(page.url, { method: 'POST' })).status, 405);
});
