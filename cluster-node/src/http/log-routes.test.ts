import assert from 'node:assert/strict';
import test from 'node:test';
import {
  belowResponseSchema,
  consistencyResponseSchema,
  headsResponseSchema,
  membersResponseSchema,
  originRootResponseSchema,
  rootResponseSchema,
  subtreeResponseSchema,
} from '@grapevine/shared/contracts/node-api.ts';
import { nobleTreeHash } from '@grapevine/shared/merkle/tree-hash.ts';
import { verifyConsistency } from '@grapevine/shared/merkle/verify.ts';
import { codeOf, TestNode } from '@grapevine/test/fixtures/node-http.ts';

const size = 11;

async function startWithEntries(): Promise<{ node: TestNode; origin: string }> {
  const node = await TestNode.start();
  await node.publish({ messages: Array.from({ length: size }, (_, i) => ({ topic: 't', body: `m${i}` })) });
  return { node, origin: node.service.origin };
}

async function rootAt(node: TestNode, at: number): Promise<Uint8Array> {
  const answer = await node.get(`/v1/origins/${node.service.origin}/root?size=${at}`);
  return Uint8Array.fromHex(originRootResponseSchema.parse(answer.body).root);
}

test('shows heads, root and members as the service gives them', async () => {
  const { node } = await startWithEntries();
  await using _ = node;
  assert.deepEqual(headsResponseSchema.parse((await node.get('/v1/heads')).body), node.service.heads());
  assert.deepEqual(rootResponseSchema.parse((await node.get('/v1/root')).body), node.service.root());
  const members = membersResponseSchema.parse((await node.get('/v1/members')).body);
  assert.deepEqual(members, { self: 'node-1', members: [node.service.member()], incompatible: [] });
});

test('gives the root at every size that it holds, the newest by default', async () => {
  const { node, origin } = await startWithEntries();
  await using _ = node;
  for (let at = 0; at <= size; at++) {
    assert.equal((await rootAt(node, at)).toHex(), node.service.replica.rootAt(origin, at), `size ${at}`);
  }
  const newest = originRootResponseSchema.parse((await node.get(`/v1/origins/${origin}/root`)).body);
  assert.equal(newest.size, size);
  const beyond = await node.get(`/v1/origins/${origin}/root?size=${size + 1}`);
  assert.deepEqual([beyond.status, codeOf(beyond)], [404, 'NOT_FOUND']);
});

test('proves that every size is the beginning of every later one', async () => {
  const { node, origin } = await startWithEntries();
  await using _ = node;
  for (const [from, to] of [
    [0, 5],
    [1, 8],
    [4, 11],
    [6, 7],
    [7, 11],
    [11, 11],
  ] as const) {
    const answer = await node.get(`/v1/origins/${origin}/consistency?from=${from}&to=${to}`);
    const path = consistencyResponseSchema.parse(answer.body).path.map((hash) => Uint8Array.fromHex(hash));
    const [fromRoot, toRoot] = [await rootAt(node, from), await rootAt(node, to)];
    assert.ok(verifyConsistency({ hash: nobleTreeHash, from, to, path, fromRoot, toRoot }), `${from} to ${to}`);
  }
});

test('gives complete subtrees, for walking down to a difference', async () => {
  const { node, origin } = await startWithEntries();
  await using _ = node;
  const leaf = subtreeResponseSchema.parse((await node.get(`/v1/origins/${origin}/subtree?level=0&index=10`)).body);
  assert.equal(leaf.hash, node.service.replica.log(origin)[10]?.message.id);
  const eight = subtreeResponseSchema.parse((await node.get(`/v1/origins/${origin}/subtree?level=3&index=0`)).body);
  assert.equal(eight.hash, node.service.replica.rootAt(origin, 8));
  const incomplete = await node.get(`/v1/origins/${origin}/subtree?level=3&index=1`);
  assert.deepEqual([incomplete.status, codeOf(incomplete)], [404, 'NOT_FOUND']);
});

test('gives several levels at once, and the peaks of a size', async () => {
  const { node, origin } = await startWithEntries();
  await using _ = node;
  const answer = await node.get(`/v1/origins/${origin}/subtree?level=3&index=0&depth=2`);
  const below = Buffer.from(belowResponseSchema.parse(answer.body).below, 'base64url');
  const tree = node.service.log.tree(origin);
  assert.deepEqual(below, Buffer.concat([0, 1, 2, 3].map((index) => tree.node(1, index))));
  const root = originRootResponseSchema.parse((await node.get(`/v1/origins/${origin}/root?size=7&peaks=true`)).body);
  const peaks = Buffer.from(root.peaks ?? '', 'base64url');
  assert.deepEqual(peaks, Buffer.concat([tree.node(2, 0), tree.node(1, 2), tree.node(0, 6)]));
  assert.equal(root.root, node.service.replica.rootAt(origin, 7));
});

test('refuses sizes, levels and origins that cannot be', async () => {
  const { node, origin } = await startWithEntries();
  await using _ = node;
  const cases = [
    ['/v1/origins/xyz/root', 400],
    [`/v1/origins/${'f'.repeat(32)}/root?size=1`, 404],
    [`/v1/origins/${'f'.repeat(32)}/consistency?from=0&to=1`, 404],
    [`/v1/origins/${origin}/root?size=-1`, 400],
    [`/v1/origins/${origin}/root?size=281474976710656`, 400],
    [`/v1/origins/${origin}/consistency?from=3`, 400],
    [`/v1/origins/${origin}/consistency?from=4&to=3`, 400],
    [`/v1/origins/${origin}/consistency?from=1&to=12`, 404],
    [`/v1/origins/${origin}/subtree?level=49&index=0`, 400],
    [`/v1/origins/${origin}/subtree?level=48&index=281474976710655`, 404],
    [`/v1/origins/${origin}/subtree`, 400],
    [`/v1/origins/${origin}/subtree?level=3&index=0&depth=4`, 400],
    [`/v1/origins/${origin}/subtree?level=40&index=0&depth=9`, 400],
    [`/v1/origins/${origin}/root?size=3&peaks=1`, 400],
    ['/v1/heads?x=1', 400],
  ] as const;
  for (const [path, status] of cases) assert.equal((await node.get(path)).status, status, path);
});
