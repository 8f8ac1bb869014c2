import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { verifyMessageProof } from '@grapevine/shared/verifier/verify-message.ts';
import { startWeb, type WebUnderTest } from './web.fixture.ts';

let web: WebUnderTest;
before(async () => {
  web = await startWeb();
});
after(() => web.stop());

const publishOne = `mutation ($input: PublishInput!) { publish(input: $input) {
  message { id topic author contentType body headers key origin seq createdAt } heldBy consistencyToken
} }`;

interface Published {
  readonly message: { readonly id: string; readonly body: string; readonly origin: string };
  readonly heldBy: number;
  readonly consistencyToken: string;
}

async function publish(input: Record<string, unknown>): Promise<Published> {
  const { data, errors } = await web.graph(publishOne, { input });
  assert.deepEqual(errors, []);
  return data?.['publish'] as Published;
}

test('a published message comes back whole, and reads the same by id', async () => {
  const input = { topic: 'whole/one', body: 'grüße 🍇', contentType: 'text/x', key: 'k', headers: { a: 'b' }, acks: 3 };
  const { message, heldBy } = await publish(input);
  assert.equal(heldBy, 3);
  const { data } = await web.graph(
    `query ($id: ID!) { message(id: $id) { id topic author contentType body headers key origin seq createdAt } }`,
    { id: message.id },
  );
  assert.deepEqual(data?.['message'], message);
  const { topic, body, contentType, key, headers } = input;
  assert.deepEqual(message, { ...message, topic, body, contentType, key, headers, author: 'ada' });
});

test('a page by token shows one’s own write; pages run both ways with the same cursors', async () => {
  const { data } = await web.graph(
    `mutation ($input: [PublishInput!]!) { publishBatch(input: $input) { message { body } consistencyToken } }`,
    { input: Array.from({ length: 7 }, (_, i) => ({ topic: 'pages', body: `m${i}` })) },
  );
  const first = (data?.['publishBatch'] as { consistencyToken: string }[] | undefined)?.[0];
  const read = async (
    args: string,
  ): Promise<{ edges: { cursor: string; node: { body: string } }[]; pageInfo: unknown }> => {
    const answer = await web.graph(
      `query ($token: String) { messages(topic: "pages", consistencyToken: $token, ${args}) {
      edges { cursor node { body } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } totalCount consistencyToken
    } }`,
      { token: first?.consistencyToken },
    );
    assert.deepEqual(answer.errors, []);
    return answer.data?.['messages'] as Awaited<ReturnType<typeof read>>;
  };
  const bodies = ({ edges }: Awaited<ReturnType<typeof read>>) => edges.map(({ node }) => node.body).join(' ');
  const start = await read('first: 3');
  assert.equal(bodies(start), 'm0 m1 m2');
  const [, , last] = start.edges;
  assert.deepEqual(start.pageInfo, {
    hasNextPage: true,
    hasPreviousPage: false,
    startCursor: start.edges[0]?.cursor,
    endCursor: last?.cursor,
  });
  assert.equal(bodies(await read(`first: 100, after: "${last?.cursor}"`)), 'm3 m4 m5 m6');
  assert.equal(bodies(await read('last: 2')), 'm5 m6');
  assert.equal(bodies(await read(`last: 2, before: "${last?.cursor}"`)), 'm0 m1');
});

test('a filter finds an author, a key and a time, over pages that end early, both ways', async () => {
  const keyOf = (i: number): string => (i % 25 === 0 ? 'rare' : 'usual');
  const input = Array.from({ length: 50 }, (_, i) => ({ topic: 'searched', body: `m${i}`, key: keyOf(i) }));
  const batch = 'mutation ($input: [PublishInput!]!) { publishBatch(input: $input) { heldBy } }';
  assert.deepEqual((await web.graph(batch, { input })).errors, []);
  const read = async (filter: object, page: object) => {
    const { data, errors } = await web.graph(
      `query ($filter: MessageFilter, $first: Int, $after: String, $last: Int, $before: String) {
        messages(topic: "searched", filter: $filter, first: $first, after: $after, last: $last, before: $before) {
          edges { node { body createdAt } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`,
      { filter, ...page },
    );
    assert.deepEqual(errors, []);
    return data?.['messages'] as {
      edges: { node: { body: string; createdAt: string } }[];
      pageInfo: { hasNextPage: boolean; hasPreviousPage: boolean; startCursor: string; endCursor: string };
    };
  };
  const all = async (filter: object, forward: boolean) => {
    const found: string[] = [];
    for (let place: string | undefined, pages = 1; ; pages++) {
      const page = await read(filter, forward ? { first: 30, after: place } : { last: 30, before: place });
      const { hasNextPage, hasPreviousPage, startCursor, endCursor } = page.pageInfo;
      const bodies = page.edges.map(({ node }) => node.body);
      if (forward) found.push(...bodies);
      else found.unshift(...bodies);
      if (!(forward ? hasNextPage : hasPreviousPage)) return { found, pages };
      place = forward ? endCursor : startCursor;
    }
  };
  for (const forward of [true, false]) {
    const { found, pages } = await all({ key: 'rare' }, forward);
    assert.deepEqual(found, ['m0', 'm25']);
    assert.ok(pages > 1, 'a node looks at few messages at once');
    assert.deepEqual((await all({ key: 'rare', author: 'nobody' }, forward)).found, []);
    assert.equal((await all({ author: 'ada' }, forward)).found.length, 50);
  }
  const times = (await read({}, { first: 50 })).edges.map(({ node }) => node.createdAt);
  const [first = '', last = ''] = [times.at(0), times.at(-1)];
  const after = new Date(Date.parse(last) + 1).toISOString();
  const expected = { [first]: 0, [after]: 50 };
  for (const forward of [true, false]) {
    for (const [until, count] of Object.entries(expected)) {
      assert.equal((await all({ from: first, until }, forward)).found.length, count);
    }
    assert.equal((await all({ from: after }, forward)).found.length, 0);
  }
  assert.equal((await all({ until: '1960-01-01T00:00:00+01:00' }, true)).found.length, 0);
  for (const filter of [{ author: 'a'.repeat(257) }, { key: '\ud800' }]) {
    const asked = 'query ($filter: MessageFilter) { messages(topic: "searched", filter: $filter) { totalCount } }';
    const { status, errors } = await web.graph(asked, { filter });
    assert.deepEqual([status, errors[0]?.extensions.code], [400, 'INVALID_ARGUMENT']);
  }
  const wrong = await web.graph('{ messages(topic: "searched", filter: { from: "yesterday" }) { totalCount } }');
  assert.deepEqual([wrong.status, wrong.errors[0]?.extensions.code], [400, 'GRAPHQL_VALIDATION_FAILED']);
});

test('messages and topics are nodes, read again by their ids', async () => {
  const { message } = await publish({ topic: 'nodes/one', body: 'x' });
  const { data } = await web.graph('{ topic(name: "nodes/one") { id } }');
  const id = (data?.['topic'] as { id: string } | undefined)?.id ?? '';
  const node = `query ($id: ID!) { node(id: $id) { __typename id ... on Message { body } ... on Topic { name count } } }`;
  const read = async (asked: string) => (await web.graph(node, { id: asked })).data?.['node'];
  for (let i = 0; i < 4; i++) {
    assert.deepEqual(await read(id), { __typename: 'Topic', id, name: 'nodes/one', count: 1 });
    assert.deepEqual(await read(message.id), { __typename: 'Message', id: message.id, body: 'x' });
  }
  assert.equal(await read('f'.repeat(64)), null);
  assert.equal(await read(Buffer.from('Topic:unheard-of').toString('base64url')), null);
  for (const wrong of ['', 'nonsense', Buffer.from('Topic:a b').toString('base64url')]) {
    const { status, errors } = await web.graph(node, { id: wrong });
    assert.deepEqual([status, errors.length], [400, 1]);
  }
});

test('an empty topic has an empty page and is no topic', async () => {
  const { data, errors } = await web.graph(`{
    topic(name: "nothing") { name }
    messages(topic: "nothing") { edges { cursor } totalCount pageInfo { hasNextPage endCursor } }
  }`);
  assert.deepEqual(errors, []);
  assert.deepEqual(data, {
    topic: null,
    messages: { edges: [], totalCount: 0, pageInfo: { hasNextPage: false, endCursor: null } },
  });
});

test('topics come in order of their names, by pages, with their messages', async () => {
  for (const topic of ['z/1', 'z/2', 'z/3']) await publish({ topic, body: `in ${topic}` });
  const read = async (after: string | null): Promise<{ edges: { cursor: string; node: { name: string } }[] }> => {
    const { data, errors } = await web.graph(
      `query ($after: String) { topics(first: 2, after: $after) {
        edges { cursor node { name count digest lastMessageAt messages(last: 1) { edges { node { body } } } } }
        pageInfo { hasNextPage hasPreviousPage endCursor }
      } }`,
      { after },
    );
    assert.deepEqual(errors, []);
    return data?.['topics'] as Awaited<ReturnType<typeof read>>;
  };
  const names: string[] = [];
  for (let after: string | null = null; ; ) {
    const { edges } = await read(after);
    names.push(...edges.map(({ node }) => node.name));
    after = edges.at(-1)?.cursor ?? null;
    if (after === null) break;
  }
  assert.deepEqual(names, names.toSorted());
  assert.deepEqual(names.slice(-3), ['z/1', 'z/2', 'z/3']);
});

test('the inclusion proof of GraphQL is what the verifier takes', async () => {
  for (let i = 0; i < 5; i++) await publish({ topic: 'proved', body: `p${i}` });
  const { message } = await publish({ topic: 'proved', body: 'the one' });
  const { data } = await web.graph(
    `query ($id: ID!) { message(id: $id) { inclusionProof {
      id origin seq treeSize path entry head { origin size root hlc publicKey signature }
    } } }`,
    { id: message.id },
  );
  const inclusionProof = (data?.['message'] as { inclusionProof: object } | undefined)?.inclusionProof;
  const verified = verifyMessageProof(inclusionProof);
  assert.ok(verified.valid);
  assert.equal(new TextDecoder().decode(verified.entry?.body), 'the one');
  assert.equal(verifyMessageProof({ ...inclusionProof, id: 'f'.repeat(64) }).valid, false);
});

test('an erased message is an error of its own, and its place can still be proven', async () => {
  const { message } = await publish({ topic: 'brief', body: 'gone soon' });
  for (const node of web.cluster.nodes) node.replica.erased.add(message.id);
  const { data, errors } = await web.graph(
    `query ($id: ID!) { message(id: $id) { body } inclusionProof(id: $id) {
      id origin seq treeSize path entry head { origin size root hlc publicKey signature }
    } }`,
    { id: message.id },
  );
  assert.deepEqual([data?.['message'], errors.map(({ extensions }) => extensions.code)], [null, ['ERASED']]);
  const verified = verifyMessageProof(data?.['inclusionProof']);
  assert.ok(verified.valid);
  assert.deepEqual([verified.origin, verified.entry], [message.origin, undefined]);
});

test('publishing again with the same idempotency key gives the first message back', async () => {
  const first = await publish({ topic: 'once', body: 'first', idempotencyKey: 'k-1' });
  const again = await publish({ topic: 'once', body: 'second', idempotencyKey: 'k-1' });
  assert.deepEqual(again.message, first.message);
});

test('messages asked for one by one are fetched in one call', async () => {
  const ids: string[] = [];
  for (let i = 0; i < 5; i++) ids.push((await publish({ topic: 'batched', body: `b${i}` })).message.id);
  const calls = (): number => {
    const urls = web.cluster.nodes.flatMap(({ requests }) => requests.map(({ url }) => url));
    return urls.filter((url) => url.startsWith('/v1/messages?ids=')).length;
  };
  const before = calls();
  const { data } = await web.graph(
    `{ ${[...ids, ids[0]].map((id, i) => `m${i}: message(id: "${id}") { body }`).join(' ')} }`,
  );
  assert.deepEqual(
    Object.values(data ?? {}),
    ['b0', 'b1', 'b2', 'b3', 'b4', 'b0'].map((body) => ({ body })),
  );
  assert.equal(calls() - before, 1);
});

test('wrong input is a 400 that names what was found and what is allowed', async () => {
  const refused: readonly (readonly [document: string, code: string, message: RegExp])[] = [
    ['{ topic(name: "a b") { name } }', 'INVALID_TOPIC', /1 to 200 characters of A-Z a-z 0-9 .*"a b"/],
    ['mutation { publish(input: { topic: "", body: "" }) { heldBy } }', 'INVALID_TOPIC', /1 to 200 characters/],
    ['subscription { messageAdded(topic: "ü") { consistencyToken } }', 'INVALID_TOPIC', /1 to 200 characters/],
    ['{ message(id: "xyz") { id } }', 'INVALID_ARGUMENT', /64 hexadecimal digits/],
    ['{ messages(topic: "t", first: 0) { totalCount } }', 'INVALID_ARGUMENT', /first: expected 1 to 100, found 0/],
    ['{ messages(topic: "t", first: -1) { totalCount } }', 'INVALID_ARGUMENT', /found -1/],
    ['{ messages(topic: "t", first: 1, last: 1) { totalCount } }', 'INVALID_ARGUMENT', /either first or last/],
    ['{ messages(topic: "t", after: "x") { totalCount } }', 'INVALID_CURSOR', /cursor/],
    ['{ messages(topic: "t", consistencyToken: "x") { totalCount } }', 'INVALID_CURSOR', /token/],
    ['subscription { messageAdded(topic: "t", since: "x") { consistencyToken } }', 'INVALID_CURSOR', /token/],
    ['{ topics(after: "%%%") { edges { cursor } } }', 'INVALID_CURSOR', /cursor/],
    ['mutation { publish(input: { topic: "t", body: "", acks: 0 }) { heldBy } }', 'INVALID_ARGUMENT', /acks/],
    [
      'mutation { publish(input: { topic: "t", body: "", headers: { A: 1 } }) { heldBy } }',
      'INVALID_ARGUMENT',
      /headers/,
    ],
    ['mutation { publish(input: { topic: "t", body: "", headers: "x" }) { heldBy } }', 'INVALID_ARGUMENT', /headers/],
    ['mutation { publish(input: { topic: "t", body: "\\uD800" }) { heldBy } }', 'GRAPHQL_PARSE_FAILED', /escape/],
    ['mutation { publishBatch(input: []) { heldBy } }', 'INVALID_ARGUMENT', /^input: expected 1 to 256 messages/],
    [
      'mutation { publish(input: { topic: "t", body: "", key: "" }) { heldBy } }',
      'INVALID_ARGUMENT',
      /^input: key: expected at least 1 character, found 0\.$/,
    ],
    [
      'mutation { publishBatch(input: [{ topic: "t", body: "" }, { topic: "t", body: "", contentType: "\\u0000" }]) { heldBy } }',
      'INVALID_ARGUMENT',
      /^input: 1\.contentType: expected a media type/,
    ],
    ['{ cluster { compare(a: "node-1", b: "nobody") { verdict } } }', 'NOT_FOUND', /no such peer/],
  ];
  for (const [document, code, message] of refused) {
    const headers = { 'content-type': 'application/json', ...web.identity() };
    const response = await web.request({ method: 'POST', headers, body: JSON.stringify({ query: document }) });
    const text = await response.text();
    assert.equal(response.status, code === 'NOT_FOUND' ? 404 : 400, `${document}: ${text}`);
    assert.ok(text.includes(`"code":"${code}"`), `${document}: ${text}`);
    assert.match(JSON.parse(text.slice(text.indexOf('{'), text.lastIndexOf('}') + 1)).errors[0].message, message);
  }
});

test('a lone surrogate in a variable is refused, not stored as another character', async () => {
  const headers = { 'content-type': 'application/json', ...web.identity() };
  const body = `{"query":${JSON.stringify(publishOne)},"variables":{"input":{"topic":"t","body":"\\ud800"}}}`;
  const response = await web.request({ method: 'POST', headers, body });
  assert.equal(response.status, 400);
  assert.match(await response.text(), /surrogate/);
});

test('a body over the limit of a message is a 413 that names the limit', async () => {
  const answer = await web.graph(publishOne, { input: { topic: 't', body: 'x'.repeat(300_000) } });
  assert.equal(answer.status, 413);
  assert.equal(answer.errors[0]?.extensions.code, 'PAYLOAD_TOO_LARGE');
  assert.match(String(answer.errors[0]?.message), /262144/);
  assert.equal('message' in (answer.errors[0]?.extensions ?? {}), false, 'there is no batch');
});

test('an error beside data leaves the status at 200', async () => {
  await publish({ topic: 'beside', body: 'x' });
  const { status, data, errors } = await web.graph(
    '{ good: topic(name: "beside") { count } bad: topic(name: "a b") { count } }',
  );
  assert.equal(status, 200);
  assert.deepEqual(data, { good: { count: 1 }, bad: null });
  assert.deepEqual(
    errors.map(({ path, extensions }) => [path, extensions.code]),
    [[['bad'], 'INVALID_TOPIC']],
  );
});
