import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { parseEventStream } from '@grapevine/shared/cluster-client/event-stream.ts';
import { startWeb, type WebUnderTest } from './web.fixture.ts';

let web: WebUnderTest;
before(async () => {
  web = await startWeb();
});
after(() => web.stop());

interface Subscription {
  /** Kept, because fetch ends the stream of a response that is collected before it is read. */
  readonly response: Response;
  /** The data of the next event. */
  next(): Promise<Record<string, unknown>>;
  /** Goes away, as a closed browser tab does. */
  leave(): void;
}

async function subscribe(query: string, at: WebUnderTest = web): Promise<Subscription> {
  const gone = new AbortController();
  const headers = { 'content-type': 'application/json', accept: 'text/event-stream', ...at.identity() };
  const response = await at.request({ method: 'POST', headers, body: JSON.stringify({ query }), signal: gone.signal });
  assert.equal(response.status, 200);
  assert.match(String(response.headers.get('content-type')), /^text\/event-stream/);
  const told = ['x-accel-buffering', 'content-encoding', 'cache-control'].map((name) => response.headers.get(name));
  assert.deepEqual(told, ['no', null, 'no-store, no-transform']);
  assert.ok(response.body !== null);
  const events = parseEventStream(response.body);
  return {
    response,
    async next() {
      const { value } = await events.next();
      assert.equal(value?.event, 'next');
      const { data, errors } = JSON.parse(String(value.data)) as { data: Record<string, unknown>; errors?: unknown };
      assert.equal(errors, undefined);
      return data;
    },
    leave: () => gone.abort(),
  };
}

async function publish(body: string, at: WebUnderTest = web): Promise<void> {
  const { errors } = await at.graph(
    'mutation ($b: String!) { publish(input: { topic: "live", body: $b }) { heldBy } }',
    { b: body },
  );
  assert.deepEqual(errors, []);
}

const openStreams = (): number => web.cluster.nodes.reduce((sum, node) => sum + node.openStreams, 0);

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error('The condition did not come true within 30 seconds.');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

interface Added {
  readonly messageAdded: { readonly message: { readonly body: string }; readonly consistencyToken: string };
}

test('messages arrive as they are published, and a token resumes after the last one', async () => {
  const fields = '{ message { body } consistencyToken }';
  const first = await subscribe(`subscription { messageAdded(topic: "live") ${fields} }`);
  await until(() => openStreams() === 1);
  await publish('one');
  const { messageAdded } = (await first.next()) as unknown as Added;
  assert.equal(messageAdded.message.body, 'one');
  first.leave();
  await until(() => openStreams() === 0);
  await publish('two');
  await publish('three');
  const second = await subscribe(
    `subscription { messageAdded(topic: "live", since: "${messageAdded.consistencyToken}") ${fields} }`,
  );
  const bodies = [];
  for (let i = 0; i < 2; i++) bodies.push(((await second.next()) as unknown as Added).messageAdded.message.body);
  // In the order of their arrival, if two nodes took them.
  assert.deepEqual(bodies.sort(), ['three', 'two']);
  second.leave();
  await until(() => openStreams() === 0);
});

test('a client that goes away while nothing happens ends the stream in the node', async () => {
  const quiet = await subscribe('subscription { messageAdded(topic: "quiet") { consistencyToken } }');
  await until(() => openStreams() === 1);
  quiet.leave();
  await until(() => openStreams() === 0);
});

test('a subscription outlives the node that served it', async () => {
  const own = await startWeb(2);
  try {
    const live = await subscribe('subscription { messageAdded(topic: "live") { message { body } } }', own);
    await until(() => own.cluster.nodes.some((node) => node.openStreams === 1));
    await publish('before', own);
    assert.deepEqual(await live.next(), { messageAdded: { message: { body: 'before' } } });
    await own.cluster.nodes.find((node) => node.openStreams === 1)?.stop();
    await publish('after', own);
    assert.deepEqual(await live.next(), { messageAdded: { message: { body: 'after' } } });
    live.leave();
  } finally {
    await own.stop();
  }
});

test('the cluster is told at once, and again when it has changed', async () => {
  const own = await startWeb(2);
  try {
    const live = await subscribe('subscription { clusterChanged { consistency { verdict } nodes { messages } } }', own);
    const empty = { consistency: { verdict: 'equal' }, nodes: [{ messages: 0 }, { messages: 0 }] };
    assert.deepEqual(await live.next(), { clusterChanged: empty });
    await publish('x', own);
    assert.deepEqual(await live.next(), {
      clusterChanged: { ...empty, nodes: [{ messages: 1 }, { messages: 1 }] },
    });
    live.leave();
  } finally {
    await own.stop();
  }
});

test('a stop cuts subscriptions instead of completing them, and does not wait for them', async () => {
  const own = await startWeb(1);
  const live = await subscribe('subscription { messageAdded(topic: "live") { consistencyToken } }', own);
  const waiting = live.next();
  await until(() => own.cluster.nodes[0]?.openStreams === 1);
  await Promise.all([assert.rejects(waiting, TypeError), own.stop()]);
});

test('a message is seen once at each node, and nodes stop telling when the watcher has gone', async () => {
  interface Seen {
    readonly messageSeen: { readonly node: string; readonly id: string | null; readonly atMs: number };
  }
  const before = openStreams();
  const watch = await subscribe('subscription { messageSeen(topic: "live") { node id atMs } }');
  const next = async (): Promise<Seen['messageSeen']> => ((await watch.next()) as unknown as Seen).messageSeen;
  const opened = [await next(), await next(), await next()];
  assert.deepEqual(opened.map(({ node, id }) => [node, id]).sort(), [
    ['node-1', null],
    ['node-2', null],
    ['node-3', null],
  ]);
  await publish('seen everywhere');
  const seen = [await next(), await next(), await next()];
  assert.deepEqual(seen.map(({ node }) => node).sort(), ['node-1', 'node-2', 'node-3']);
  assert.equal(new Set(seen.map(({ id }) => id)).size, 1);
  watch.leave();
  await until(() => openStreams() === before);
});

test('an answer that would not be accepted is refused in words, and nothing is done for it', async () => {
  const asked = async (query: string, accept: string) => {
    const headers = { 'content-type': 'application/json', accept, ...web.identity() };
    const response = await web.request({ method: 'POST', headers, body: JSON.stringify({ query }) });
    return { status: response.status, text: await response.text() };
  };
  const added = 'subscription { messageAdded(topic: "live") { consistencyToken } }';
  for (const accept of ['application/json', 'application/graphql-response+json']) {
    const { status, text } = await asked(added, accept);
    const [error] = (JSON.parse(text) as { errors: { message: string; extensions: { code: string } }[] }).errors;
    assert.deepEqual([status, error?.extensions.code], [406, 'NOT_ACCEPTABLE']);
    assert.match(error?.message ?? '', /allows text\/event-stream/);
  }
  const unread = 'mutation { publish(input: { topic: "unread", body: "x" }) { heldBy } }';
  for (const query of [added, unread]) {
    const { status, text } = await asked(query, 'image/png');
    assert.deepEqual([status, (JSON.parse(text) as { code: string }).code], [406, 'NOT_ACCEPTABLE']);
  }
  assert.deepEqual((await web.graph('{ topic(name: "unread") { count } }')).data, { topic: null });
});

test('a client that goes away while the cluster is looked at is no failure', async () => {
  const own = await startWeb(1);
  const [node] = own.cluster.nodes;
  assert.ok(node !== undefined);
  const changed = await subscribe('subscription { clusterChanged { consistency { verdict } } }', own);
  await changed.next();
  node.frozen = true;
  await until(() => node.openRequests > 1);
  changed.leave();
  await until(() => node.openRequests === 1);
  await own.stop();
  assert.deepEqual(
    own.logged.filter(({ level }) => level === 'error'),
    [],
  );
});
