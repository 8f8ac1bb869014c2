import assert from 'node:assert/strict';
import { test } from 'node:test';
import { referenceConsistency, referenceInclusion, referenceRoot } from './reference-tree.fixture.ts';
import { emptyRoot, nobleTreeHash as hash, type TreeHash } from './tree-hash.ts';
import { type ConsistencyClaim, type InclusionClaim, verifyConsistency, verifyInclusion } from './verify.ts';

const leaves = Array.from({ length: 70 }, (_, i) => hash.leaf(Uint8Array.of(i)));
const roots = Array.from({ length: leaves.length + 1 }, (_, size) => referenceRoot(hash, leaves.slice(0, size)));

test('inclusion of every leaf at every size is proven', () => {
  for (let size = 1; size <= leaves.length; size++) {
    for (let index = 0; index < size; index++) {
      assert.ok(verifyInclusion(inclusion(index, size)), `${index} in ${size}`);
    }
  }
});

test('consistency of all sizes is proven', () => {
  for (let to = 0; to <= leaves.length; to++) {
    for (let from = 0; from <= to; from++) assert.ok(verifyConsistency(consistency(from, to)), `${from} to ${to}`);
  }
});

test('every damage to an inclusion proof is found', () => {
  let damaged = 0;
  for (const [index, size] of [
    [0, 1],
    [0, 2],
    [6, 7],
    [3, 8],
    [0, 9],
    [8, 9],
    [31, 64],
    [40, 70],
    [69, 70],
  ] as const) {
    const good = inclusion(index, size);
    const claims: InclusionClaim[] = [
      ...damagedPaths(good.path).map((path) => ({ ...good, path })),
      ...flips(good.leafHash).map((leafHash) => ({ ...good, leafHash })),
      ...flips(good.root).map((root) => ({ ...good, root })),
      ...[index - 1, index + 1, index ^ 2, index + 0.5, Number.NaN, 2 ** 53].map((other) => ({
        ...good,
        index: other,
      })),
      ...[0, -1, Number.POSITIVE_INFINITY, 2 ** 60].map((other) => ({ ...good, size: other })),
      { ...good, leafHash: good.leafHash.subarray(1) },
      { ...good, root: new Uint8Array(0) },
    ];
    for (const claim of claims) assert.equal(verifyInclusion(claim), false, JSON.stringify(claim));
    damaged += claims.length;
  }
  assert.ok(damaged >= 200, `${damaged} damaged proofs`);
});

test('every damage to a consistency proof is found', () => {
  let damaged = 0;
  for (const [from, to] of [
    [1, 2],
    [3, 4],
    [4, 8],
    [6, 8],
    [7, 8],
    [1, 70],
    [33, 70],
    [64, 70],
    [69, 70],
  ] as const) {
    const good = consistency(from, to);
    const claims: ConsistencyClaim[] = [
      ...damagedPaths(good.path).map((path) => ({ ...good, path })),
      ...flips(good.fromRoot).map((fromRoot) => ({ ...good, fromRoot })),
      ...flips(good.toRoot).map((toRoot) => ({ ...good, toRoot })),
      ...[0, to, to + 1, -1, from + 0.5, Number.NaN].map((other) => ({ ...good, from: other })),
      ...[from, from - 1, -1, 2 ** 60].map((other) => ({ ...good, to: other })),
      { ...good, fromRoot: good.toRoot, toRoot: good.fromRoot },
      { ...good, fromRoot: emptyRoot() },
    ];
    for (const claim of claims) assert.equal(verifyConsistency(claim), false, JSON.stringify(claim));
    damaged += claims.length;
  }
  assert.ok(damaged >= 200, `${damaged} damaged proofs`);
});

test('a proof for one pair of leaf and size proves no other place of that leaf', () => {
  for (let size = 1; size <= 20; size++) {
    for (let index = 0; index < size; index++) {
      for (let other = 0; other < size; other++) {
        const claim = { ...inclusion(index, size), index: other };
        assert.equal(verifyInclusion(claim), other === index, `${index} as ${other} in ${size}`);
      }
    }
  }
});

test('equal sizes with different roots, and a beginning that is not empty, are no consistency', () => {
  const [a, b] = [consistency(5, 5), consistency(6, 6)];
  assert.equal(verifyConsistency({ ...a, toRoot: b.toRoot }), false);
  assert.equal(verifyConsistency({ ...a, path: [a.toRoot] }), false);
  assert.equal(
    verifyConsistency({ ...consistency(4, 8), path: [], toRoot: rootAt(4) }),
    false,
    'growth without change',
  );
  assert.equal(verifyConsistency({ ...consistency(0, 5), fromRoot: a.toRoot }), false);
  assert.equal(verifyConsistency({ ...consistency(0, 5), path: [a.toRoot] }), false);
});

test('a very long path is not followed beyond the root', () => {
  let hashed = 0;
  const counting: TreeHash = {
    ...hash,
    node(left, right) {
      hashed++;
      return hash.node(left, right);
    },
  };
  const path = Array.from({ length: 10_000 }, () => leafAt(0));
  assert.equal(verifyInclusion({ ...inclusion(3, 8), hash: counting, path }), false);
  assert.equal(verifyConsistency({ ...consistency(3, 8), hash: counting, path }), false);
  assert.ok(hashed <= 10, `${hashed} hashes`);
});

function inclusion(index: number, size: number): InclusionClaim {
  const path = referenceInclusion(hash, index, leaves.slice(0, size));
  return { hash, leafHash: leafAt(index), index, size, path, root: rootAt(size) };
}

function consistency(from: number, to: number): ConsistencyClaim {
  const path = from === 0 ? [] : referenceConsistency(hash, from, leaves.slice(0, to));
  return { hash, from, to, path, fromRoot: rootAt(from), toRoot: rootAt(to) };
}

/** No nodes, flipped bits, one node more, fewer or twice, and neighbours swapped. */
function damagedPaths(path: readonly Uint8Array[]): Uint8Array[][] {
  const extra = hash.leaf(Uint8Array.of(255));
  const damaged: Uint8Array[][] = [
    ...(path.length > 0 ? [[]] : []),
    [...path, extra],
    [extra, ...path],
    [...path, new Uint8Array(31)],
  ];
  for (const [i, node] of path.entries()) {
    damaged.push(...flips(node).map((flipped) => path.with(i, flipped)));
    damaged.push(path.toSpliced(i, 1), path.toSpliced(i, 0, node), path.with(i, node.subarray(1)));
    const next = path[i + 1];
    if (next !== undefined) damaged.push(path.toSpliced(i, 2, next, node));
  }
  return damaged;
}

function flips(bytes: Uint8Array): Uint8Array[] {
  return [0, 100, 255].map((bit) => bytes.with(bit >> 3, (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7))));
}

function leafAt(index: number): Uint8Array {
  return leaves[index] ?? assert.fail(`no leaf ${index}`);
}

function rootAt(size: number): Uint8Array {
  return roots[size] ?? assert.fail(`no root ${size}`);
}
