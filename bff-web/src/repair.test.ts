import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { OriginRepair } from '@grapevine/shared/contracts/repair.ts';
import { startWeb, type WebUnderTest } from './web.fixture.ts';

let web: WebUnderTest;
before(async () => {
  web = await startWeb();
});
after(() => web.stop());

const [origin, other] = ['ab'.repeat(16), 'cd'.repeat(16)];
const counts = { size: 9, checked: 9, damaged: 0, mended: 0, treeNodes: 2 ** 40 };
const damaged: OriginRepair = {
  ...counts,
  origin,
  state: 'damaged',
  damaged: 1,
  left: [{ firstSeq: 3, endSeq: 5, damage: 'It is missing.', why: 'There is no peer to ask.' }],
  fork: null,
  setAside: null,
};
const fork = { seq: 4, own: '01'.repeat(32), other: '02'.repeat(32), peer: 'node-1' };
const setAside = {
  peer: 'node-1',
  folder: 'set-aside/x',
  firstSeq: 4,
  endSeq: 9,
  messages: [{ seq: 4, id: fork.own, topic: 'news', author: 'ann' }],
};
const adopted: OriginRepair = { ...counts, origin: other, state: 'adopted', left: [], fork, setAside };

const document = `mutation ($node: ID!, $origin: ID, $from: ID, $adopt: ID, $dryRun: Boolean) {
  repair(node: $node, origin: $origin, from: $from, adopt: $adopt, dryRun: $dryRun) {
    node dryRun complete
    origins {
      origin state size checked damaged mended treeNodes
      left { firstSeq endSeq damage why } fork { seq own other peer }
      setAside { peer folder firstSeq endSeq messages { seq id topic author } }
    }
  }
}`;

test('the node that is named repairs itself, and what it says is shown', async () => {
  const [, second] = web.cluster.nodes;
  assert.ok(second !== undefined);
  second.repaired = [damaged, adopted];
  const all = await web.graph(document, { node: 'node-2' });
  assert.deepEqual(all.errors, []);
  assert.deepEqual(all.data?.['repair'], {
    node: 'node-2',
    dryRun: false,
    complete: true,
    origins: [damaged, adopted],
  });
  const one = await web.graph(document, { node: 'node-2', origin, from: 'node-1', dryRun: true });
  assert.deepEqual(one.data?.['repair'], { node: 'node-2', dryRun: true, complete: true, origins: [damaged] });
});

test('who may only read the cluster is refused, and no node is asked', async () => {
  const asked = (): number =>
    web.cluster.nodes.flatMap(({ requests }) => requests).filter(({ url }) => url === '/v1/repair').length;
  const before = asked();
  const scopes = ['messages:read', 'messages:write', 'cluster:read'] as const;
  const { errors } = await web.graph(document, { node: 'node-2' }, { scopes });
  assert.deepEqual(
    errors.map(({ extensions }) => extensions.code),
    ['FORBIDDEN'],
  );
  assert.equal(asked(), before);
});

test('unknown nodes and impossible origins are named', async () => {
  const unknown = await web.graph(document, { node: 'node-9' });
  assert.deepEqual(
    unknown.errors.map(({ message, extensions }) => [extensions.code, message]),
    [['NOT_FOUND', 'There is no node called "node-9"; known: node-1, node-2, node-3.']],
  );
  const both = await web.graph(document, { node: 'node-1', from: 'node-2', adopt: 'node-2' });
  assert.match(both.errors[0]?.message ?? '', /from: expected either from or adopt/);
  const impossible = await web.graph(document, { node: 'node-1', origin: 'x' });
  assert.equal(impossible.errors[0]?.extensions.code, 'INVALID_ARGUMENT');
  assert.match(impossible.errors[0]?.message ?? '', /origin: expected 32/);
});
