import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { PersistedOperations } from './persisted-operations.ts';
import { startWeb, type WebUnderTest } from './web.fixture.ts';

let folder: string;
let web: WebUnderTest;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'grapevine-persisted-'));
  web = await startWeb(1);
});
after(async () => {
  await web.stop();
  rmSync(folder, { recursive: true });
});

const text = '{ topics { edges { node { name } } } }';
const sha256 = (document: string): string => hash('sha256', document, 'hex');
const naming = (sha256Hash: string) => ({ extensions: { persistedQuery: { version: 1, sha256Hash } } });

async function post(
  body: object,
  at = web,
): Promise<{ status: number; body: { data?: unknown; errors?: { message: string; extensions: { code: string } }[] } }> {
  const headers = { 'content-type': 'application/json', ...at.identity() };
  const response = await at.request({ method: 'POST', headers, body: JSON.stringify(body) });
  return { status: response.status, body: (await response.json()) as Awaited<ReturnType<typeof post>>['body'] };
}

test('a client registers a document by sending it once, and then names it, also in a GET', async () => {
  const unknown = await post(naming(sha256(text)));
  assert.equal(unknown.status, 404);
  assert.deepEqual(
    unknown.body.errors?.map(({ message, extensions }) => [message, extensions.code]),
    [['PersistedQueryNotFound', 'PERSISTED_QUERY_NOT_FOUND']],
  );
  const data = { topics: { edges: [] } };
  assert.deepEqual((await post({ query: text, ...naming(sha256(text)) })).body, { data });
  assert.deepEqual((await post(naming(sha256(text)))).body, { data });
  const query = `?extensions=${encodeURIComponent(JSON.stringify(naming(sha256(text)).extensions))}`;
  const get = await web.request({ query, headers: web.identity() });
  assert.deepEqual([get.status, await get.json()], [200, { data }]);
});

test('a hash that is none, or another document’s, is refused', async () => {
  for (const body of [
    { query: text, ...naming(sha256('other')) },
    naming('xyz'),
    { extensions: { persistedQuery: { version: 2, sha256Hash: sha256(text) } } },
    { extensions: { persistedQuery: null } },
    { extensions: {} },
  ]) {
    const { status, body: answer } = await post(body);
    assert.deepEqual([status, answer.errors?.[0]?.extensions.code], [400, 'BAD_REQUEST'], JSON.stringify(body));
  }
});

test('where only listed documents are executed, others are refused in every way', async () => {
  const file = join(folder, 'listed.json');
  writeFileSync(file, JSON.stringify({ [sha256(text)]: text }));
  const own = await startWeb(1, { persistedOperationsFile: file, persistedOnly: true });
  try {
    assert.equal((await post(naming(sha256(text)), own)).status, 200);
    assert.equal((await post({ query: text }, own)).status, 200);
    const other = '{ __typename }';
    for (const body of [{ query: other }, { query: other, ...naming(sha256(other)) }]) {
      const { status, body: answer } = await post(body, own);
      assert.deepEqual([status, answer.errors?.[0]?.extensions.code], [403, 'OPERATION_NOT_ALLOWED']);
    }
    assert.equal((await post(naming(sha256(other)), own)).status, 404);
    const get = await own.request({ query: `?query=${encodeURIComponent(other)}`, headers: own.identity() });
    assert.equal(get.status, 403);
  } finally {
    await own.stop();
  }
});

test('a file that is none of ours stops the service from starting', () => {
  const file = join(folder, 'bad.json');
  for (const content of ['{', '[]', '{"x":"y"}', JSON.stringify({ [sha256('a')]: 'b' })]) {
    writeFileSync(file, content);
    assert.throws(() => new PersistedOperations({ file, only: false }), { code: 'CONFIG_INVALID' }, content);
  }
  assert.throws(() => new PersistedOperations({ file: join(folder, 'none'), only: false }), { code: 'CONFIG_INVALID' });
});

test('registered documents are bounded: the oldest goes first', () => {
  const operations = new PersistedOperations({ file: undefined, only: false });
  for (let i = 0; i < 1_001; i++) operations.resolve({ query: `{ a${i} }`, ...naming(sha256(`{ a${i} }`)) });
  assert.throws(() => operations.resolve(naming(sha256('{ a0 }'))), { code: 'PERSISTED_QUERY_NOT_FOUND' });
  assert.equal(operations.resolve(naming(sha256('{ a1000 }')))['query'], '{ a1000 }');
});
