import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { getIntrospectionQuery } from 'graphql';
import { startWeb, type WebUnderTest } from './web.fixture.ts';

let web: WebUnderTest;
before(async () => {
  web = await startWeb(1, { maxDepth: 6, maxAliases: 3, maxTokens: 500, maxCost: 500 });
});
after(() => web.stop());

async function refusal(query: string, variables = {}): Promise<string> {
  const { status, errors } = await web.graph(query, variables);
  const [error] = errors;
  assert.equal(error?.extensions.code, 'QUERY_TOO_COMPLEX', `${query}: ${JSON.stringify(errors)}`);
  assert.equal(status, 400);
  return error.message;
}

const nested = '{ topics { edges { node { messages { edges { node { id } } } } } } }';

test('a document may be so deep, fragments included', async () => {
  assert.match(await refusal(nested), /at most 6 levels, found 7/);
  const spread = `query { topics { edges { node { ...T } } } }
    fragment T on Topic { messages { ...M } } fragment M on MessageConnection { edges { node { id } } }`;
  assert.match(await refusal(spread), /at most 6 levels, found 7/);
});

test('a document may have so many aliases and root fields', async () => {
  const aliased = Array.from({ length: 4 }, (_, i) => `a${i}: topics { edges { cursor } }`).join(' ');
  assert.match(await refusal(`{ ${aliased} }`), /at most 3 aliases, found 4/);
  const spreads = Array.from({ length: 31 }, () => '...F').join(' ');
  assert.match(
    await refusal(`{ ${spreads} } fragment F on Query { topics(first: 1) { edges { cursor } } }`),
    /30 root fields, found 31/,
  );
});

test('a document may have so many directives', async () => {
  const fields = '__typename @include(if: true) '.repeat(51);
  assert.match(await refusal(`{ ${fields} }`), /at most 50 directives, found 51/);
});

test('no name is the one that JavaScript has for itself', async () => {
  const documents = [
    '{ __proto__: topics { edges { cursor } } }',
    '{ topics { edges { node { __proto__: name } } } }',
    'query ($__proto__: String = "t") { messages(topic: $__proto__) { totalCount } }',
  ];
  for (const query of documents) {
    for (const body of [{ query }, { query, extensions: {} }]) {
      const headers = { 'content-type': 'application/json', ...web.identity() };
      const response = await web.request({ method: 'POST', headers, body: JSON.stringify(body) });
      const { errors } = (await response.json()) as { errors: { extensions: { code: string } }[] };
      assert.deepEqual([response.status, errors[0]?.extensions.code], [400, 'GRAPHQL_VALIDATION_FAILED'], query);
    }
  }
});

test('a search costs more, and what is below an interface counts', async () => {
  const searched = await web.graph('{ messages(topic: "t", first: 1, filter: { key: "k" }) { totalCount } }');
  assert.equal(searched.headers.get('grapevine-cost'), '22');
  const below = '{ topics(first: 100) { edges { cursor node { name count digest } } } }';
  assert.match(await refusal(below), /found 601/);
  const page = 'messages(first: 100) { edges { cursor node { id body topic key } } }';
  assert.match(await refusal(`{ node(id: "x") { ... on Topic { ${page} } } }`), /found 702/);
  assert.match(await refusal(`{ node(id: "x") { ...T } } fragment T on Topic { ${page} }`), /found 702/);
});

test('what an operation costs is told to whom asks', async () => {
  const ask = async (extensions: object) => {
    const headers = { 'content-type': 'application/json', ...web.identity() };
    const body = JSON.stringify({ query: '{ messages(topic: "t", first: 3) { edges { cursor } } }', extensions });
    return (await (await web.request({ method: 'POST', headers, body })).json()) as { extensions?: unknown };
  };
  assert.deepEqual((await ask({ cost: true })).extensions, { cost: { total: 7, limit: 500 } });
  assert.equal((await ask({})).extensions, undefined);
});

test('a document may have so many tokens', async () => {
  const message = await refusal(`{ topics { ${'edges { cursor } '.repeat(200)} } }`);
  assert.match(message, /at most 500 lexical tokens/);
});

test('a document may cost so much, by the pages that it asks for', async () => {
  const page = (first: string) =>
    `{ topics(first: ${first}) { edges { cursor node { name count digest lastMessageAt } } } }`;
  const allowed = await web.graph(page('60'));
  assert.deepEqual(allowed.errors, []);
  assert.equal(allowed.headers.get('grapevine-cost'), '421');
  // Per topic: edges, cursor, node and four fields; one for the page itself.
  assert.match(await refusal(page('100')), /cost of at most 500, found 701/);
  const variable =
    'query ($n: Int = 100) { topics(first: $n) { edges { cursor node { name count digest lastMessageAt } } } }';
  assert.match(await refusal(variable), /found 701/);
  assert.match(await refusal(variable, { n: 90 }), /found 631/);
  assert.deepEqual((await web.graph(variable, { n: 5 })).errors, []);
  const proofs = '{ messages(topic: "t", last: 100) { edges { node { inclusionProof { entry } } } } }';
  assert.match(await refusal(proofs), /found 1301/);
});

test('fragments that spread each other over and over are measured at once', async () => {
  const levels = 30;
  const chain = Array.from({ length: levels }, (_, i) => `fragment F${i} on Query { ...F${i + 1} ...F${i + 1} }`).join(
    ' ',
  );
  const query = `{ ...F0 } ${chain} fragment F${levels} on Query { topics { edges { cursor } } }`;
  assert.match(await refusal(query), /root fields, found 1073741824/);
});

test('fragments in a circle are refused, not followed', async () => {
  const { status, errors } = await web.graph(
    '{ ...A } fragment A on Query { ...B } fragment B on Query { ...A topics { edges { cursor } } }',
  );
  assert.equal(status, 400);
  assert.ok(errors.some(({ extensions }) => extensions.code === 'GRAPHQL_VALIDATION_FAILED'));
});

test('the schema is told in development and not in production', async () => {
  const production = await startWeb(1, { mode: 'production' });
  const development = await startWeb(1);
  try {
    const told = await development.graph(getIntrospectionQuery());
    assert.deepEqual(told.errors, []);
    const withheld = await production.graph(getIntrospectionQuery());
    assert.equal(withheld.status, 400);
    assert.equal(withheld.errors[0]?.extensions.code, 'GRAPHQL_VALIDATION_FAILED');
    assert.deepEqual((await production.graph('{ __typename }')).data, { __typename: 'Query' });
  } finally {
    await Promise.all([production.stop(), development.stop()]);
  }
});

test('what is refused reports no cost', async () => {
  assert.equal((await web.graph('{ nothing }')).headers.get('grapevine-cost'), null);
  assert.equal((await web.graph(nested)).headers.get('grapevine-cost'), null);
});
