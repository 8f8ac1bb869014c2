import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { getIntrospectionQuery } from 'graphql';
import { startWeb, type WebUnderTest } from './web.fixture.ts';

let web: WebUnderTest;
before(async () => {
  web = await startWeb();
  await until(() => web.changes.live);
});
after(() => web.stop());

const page = `query ($topic: String!) { messages(topic: $topic, last: 5) {
  edges { cursor node { id body seq createdAt headers } } totalCount consistencyToken
} }`;

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error('The condition did not come true within 30 seconds.');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function publish(topic: string, body: string): Promise<string> {
  const document = `mutation ($t: String!, $b: String!) { publish(input: { topic: $t, body: $b }) { consistencyToken } }`;
  const { data, errors, headers } = await web.graph(document, { t: topic, b: body });
  assert.deepEqual(errors, []);
  const token = (data?.['publish'] as { consistencyToken: string } | undefined)?.consistencyToken;
  assert.ok(token !== undefined);
  assert.equal(headers.get('grapevine-consistency'), token);
  return token;
}

/** Calls for pages of topics that the nodes have had. */
const pageCalls = (): number =>
  web.cluster.nodes.flatMap(({ requests }) => requests).filter(({ url }) => /^\/v1\/topics\/.*\/messages/.test(url))
    .length;

async function read(topic: string, headers: Record<string, string> = {}) {
  const response = await web.request({
    method: 'POST',
    headers: { 'content-type': 'application/json', ...web.identity(), ...headers },
    body: JSON.stringify({ query: page, variables: { topic } }),
  });
  const { data } = (await response.json()) as { data: { messages: { edges: { node: { body: string } }[] } } };
  return { bodies: data.messages.edges.map(({ node }) => node.body), headers: response.headers };
}

test('an answer is given again while its topic stands, and made anew when that has changed', async () => {
  await publish('kept', 'one');
  const first = await read('kept');
  await until(() => web.changes.live);
  const before = pageCalls();
  const again = await read('kept');
  assert.deepEqual(again.bodies, ['one']);
  assert.equal(again.headers.get('grapevine-cost'), first.headers.get('grapevine-cost'));
  assert.equal(again.headers.get('grapevine-consistency'), first.headers.get('grapevine-consistency'));
  assert.equal(again.headers.get('content-type'), first.headers.get('content-type'));
  assert.equal(pageCalls(), before);
  await publish('other', 'x');
  assert.deepEqual((await read('kept')).bodies, ['one']);
  assert.equal(pageCalls(), before);
  using watch = web.changes.watch(new Set(['kept']));
  await publish('kept', 'two');
  await watch.changed(30_000, undefined);
  assert.deepEqual((await read('kept')).bodies, ['one', 'two']);
  assert.equal(pageCalls(), before + 1);
  const metrics = await (await fetch(`${web.url}/metrics`)).text();
  assert.match(metrics, /grapevine_kept_answers_total\{outcome="hit",.*\} 2/);
});

test('a read with the token of a write shows it, however new it is', async () => {
  for (let i = 0; i < 50; i++) {
    const token = await publish('own', `m${i}`);
    const { bodies } = await read('own', { 'grapevine-consistency': token });
    assert.equal(bodies.at(-1), `m${i}`);
  }
});

test('what a topic does not decide is asked of the cluster each time', async () => {
  await publish('proved', 'x');
  const proofs = '{ messages(topic: "proved") { edges { node { inclusionProof { treeSize } } } } }';
  const before = pageCalls();
  for (const document of [proofs, proofs, '{ messages(topic: "proved") { totalCount } topics { edges { cursor } } }']) {
    assert.deepEqual((await web.graph(document)).errors, []);
  }
  assert.equal(pageCalls(), before + 3);
});

test('what is kept is for those who may read it', async () => {
  await publish('scoped', 'x');
  assert.equal((await web.graph(page, { topic: 'scoped' })).status, 200);
  const { status, errors } = await web.graph(page, { topic: 'scoped' }, { scopes: ['messages:write'] });
  assert.deepEqual([status, errors[0]?.extensions.code], [403, 'FORBIDDEN']);
});

test('nothing is given again while no node tells what has changed', async () => {
  const own = await startWeb(1);
  try {
    await until(() => own.changes.live);
    assert.equal((await own.graph(page, { topic: 't' })).status, 200);
    await own.cluster.nodes[0]?.stop();
    await until(() => !own.changes.live);
    assert.equal((await own.graph(page, { topic: 't' })).status, 503);
  } finally {
    await own.stop();
  }
});

test('the short path answers like the long one', async () => {
  await publish('alike', 'grüße');
  const asked: readonly (readonly [string, Record<string, unknown>?])[] = [
    ['{ __typename }'],
    ['{ messages(topic: "alike") { edges { node { body createdAt seq headers key } } } }'],
    [page, { topic: 'alike' }],
    [page, {}],
    [page, { topic: 5 }],
    [page, { topic: 'a b' }],
    ['{ topic(name: "a b") { name } }'],
    ['{ good: topic(name: "alike") { count } bad: topic(name: "a b") { count } }'],
    ['{ constructor: topics { toString: edges { hasOwnProperty: cursor } } }'],
    [getIntrospectionQuery()],
    ['{ nope }'],
    ['{'],
    ['query A { __typename } query B { __typename }'],
    [
      `{ messages(topic: "alike", first: 100) { ${'edges { node { inclusionProof { path } } } '} } topics(first: 100) { edges { node { messages(first: 100) { edges { cursor } } } } } }`,
    ],
    ['mutation { publish(input: { topic: "", body: "" }) { heldBy } }'],
  ];
  const accepts = [
    '*/*',
    'application/json',
    'application/graphql-response+json',
    'application/graphql-response+json, application/json;q=0.9',
    'application/json, multipart/mixed',
  ];
  for (const [query, variables] of asked) {
    for (const accept of accepts) {
      const headers = { 'content-type': 'application/json', accept, ...web.identity() };
      // A member that means nothing to the server sends a request the long way.
      const bodies = [
        { query, variables },
        { query, variables, extensions: {} },
      ];
      const [short, long] = await Promise.all(
        bodies.map(async (body) => {
          const response = await web.request({ method: 'POST', headers, body: JSON.stringify(body) });
          const { status } = response;
          const kept = ['content-type', 'grapevine-cost', 'cache-control', 'allow'].map((name) =>
            response.headers.get(name),
          );
          return { status, kept, body: await response.json() };
        }),
      );
      assert.deepEqual(short, long, `${query} ${accept}`);
    }
  }
});

test('a cluster that is full is told alike on both paths', async () => {
  for (const node of web.cluster.nodes)
    node.failure = new GrapevineError('OVERLOADED', 'Full.', { retryAfterSeconds: 7 });
  try {
    const { status, headers, errors } = await web.graph(page, { topic: 'never/asked' });
    assert.deepEqual([status, headers.get('retry-after')], [503, '7']);
    assert.deepEqual(errors[0]?.extensions, { code: 'OVERLOADED', retryAfter: 7 });
  } finally {
    for (const node of web.cluster.nodes) node.failure = undefined;
  }
});
