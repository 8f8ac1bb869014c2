import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startWeb, type WebUnderTest } from './web.fixture.ts';

let web: WebUnderTest;
before(async () => {
  web = await startWeb();
});
after(() => web.stop());

const look = `{ cluster {
  consistency { verdict pairs { a b state by } }
  nodes { name origin state reachable root messages }
  compare(a: "node-2", b: "node-1") { a b verdict behindBy aheadBy origins { state sizeA sizeB by } }
} }`;

interface Look {
  readonly consistency: { readonly verdict: string; readonly pairs: readonly { readonly state: string }[] };
  readonly nodes: readonly { readonly name: string; readonly reachable: boolean; readonly messages: number | null }[];
  readonly compare: { readonly verdict: string };
}

async function lookAt(document = look): Promise<Look> {
  const { data, errors } = await web.graph(document);
  assert.deepEqual(errors, []);
  return data?.['cluster'] as Look;
}

test('one look tells the verdict, the pairs, the nodes and a comparison', async () => {
  await web.graph('mutation { publish(input: { topic: "t", body: "x", acks: 3 }) { heldBy } }');
  const { consistency, nodes, compare } = await lookAt();
  assert.equal(consistency.verdict, 'equal');
  assert.equal(consistency.pairs.length, 3);
  assert.deepEqual(
    nodes.map(({ name, reachable, messages }) => [name, reachable, messages]),
    [
      ['node-1', true, 1],
      ['node-2', true, 1],
      ['node-3', true, 1],
    ],
  );
  assert.equal(compare.verdict, 'equal');
});

test('a node that catches up shows from whom and how far', async () => {
  const [, second] = web.cluster.nodes;
  assert.ok(second !== undefined);
  const catchUp = { from: 'node-1', entries: 5, of: 9, bytesPerSecond: 2 ** 40 };
  second.catchUp = catchUp;
  const { nodes } = await lookAt('{ cluster { nodes { name catchUp { from entries of bytesPerSecond } } } }');
  second.catchUp = null;
  assert.deepEqual(nodes.slice(0, 2), [
    { name: 'node-1', catchUp: null },
    { name: 'node-2', catchUp },
  ]);
});

test('every node is asked once for its heads, however much of the cluster a document shows', async () => {
  const heads = (): number =>
    web.cluster.nodes.flatMap(({ requests }) => requests).filter(({ url }) => url === '/v1/heads').length;
  const before = heads();
  await lookAt(
    '{ cluster { nodes { name } again: nodes { root } consistency { verdict } pairs: consistency { pairs { a } } } }',
  );
  assert.equal(heads() - before, 3);
});

test('damage and silence show in the verdict', async () => {
  const [first, , third] = web.cluster.nodes;
  assert.ok(first !== undefined && third !== undefined);
  const withoutComparison = look.replace(/compare.*\n/, '');
  await third.stop();
  assert.equal((await lookAt(withoutComparison)).consistency.verdict, 'unreachable');
  const [origin] = first.replica.vector().keys();
  first.replica.forge(String(origin), 0, 'forged');
  const forked = await lookAt(withoutComparison);
  assert.equal(forked.consistency.verdict, 'forked');
  assert.deepEqual(
    forked.consistency.pairs.map(({ state }) => state),
    ['forked', 'unreachable', 'unreachable'],
  );
});

test('what happened of late is shown from a moment on, and no more than a quarter of an hour of it', async () => {
  const nothing = {
    publishedPerSecond: null,
    convergenceMs: null,
    convergenceHighMs: null,
    gossipBytesPerSecond: null,
  };
  for (let i = 1; i <= 200; i++) {
    web.figures.add({
      atMs: i * 5_000,
      verdict: 'equal',
      ...nothing,
      duplicateShare: i / 200,
      pullsPerSecond: 3,
      gateway: null,
    });
  }
  const shown = async (document: string): Promise<unknown[]> => {
    const { data } = await web.graph(document);
    return (data?.['cluster'] as { readonly figures: unknown[] } | undefined)?.figures ?? [];
  };
  assert.equal((await shown('{ cluster { figures { at } } }')).length, 180);
  const since = '"1970-01-01T00:16:35Z"';
  assert.deepEqual(
    await shown(`{ cluster { figures(since: ${since}) { at verdict duplicateShare gateway { p50Ms } } } }`),
    [{ at: '1970-01-01T00:16:40.000Z', verdict: 'equal', duplicateShare: 1, gateway: null }],
  );
});
