import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { toHex } from '../log/bytes.ts';
import { Frontier } from './frontier.ts';
import { referenceRoot } from './reference-tree.fixture.ts';
import { emptyRoot, nobleTreeHash as hash, hashLength, type TreeHash } from './tree-hash.ts';

// shared/vectors of RFC 6962 trees, as other implementations compute them.
const vectorLeaves = [
  '',
  '00',
  '10',
  '2021',
  '3031',
  '40414243',
  '5051525354555657',
  '606162636465666768696a6b6c6d6e6f',
];
const vectorRoots = new Map([
  [0, 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
  [3, 'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77'],
  [5, '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4'],
  [8, '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328'],
]);

test('roots are those that other RFC 6962 implementations give', () => {
  for (const [size, root] of vectorRoots) {
    const frontier = new Frontier(hash);
    for (const data of vectorLeaves.slice(0, size)) frontier.append(hash.leaf(Uint8Array.fromHex(data)));
    assert.equal(toHex(frontier.root()), root, `${size} leaves`);
  }
});

test('roots agree with the recursive definition, however the leaves are cut into batches', () => {
  const leaves = leavesUpTo(300);
  const batches = fc.array(fc.integer({ min: 0, max: 70 }), { maxLength: 8 });
  fc.assert(
    fc.property(batches, (counts) => {
      const frontier = new Frontier(hash);
      for (const count of counts) {
        const batch = leaves.slice(frontier.size, frontier.size + count);
        frontier.append(flat(batch));
      }
      assert.deepEqual(frontier.root(), referenceRoot(hash, leaves.slice(0, frontier.size)));
    }),
    { numRuns: 60 },
  );
});

test('every node is reported once, when its last leaf arrives, with the hash of the recursive definition', () => {
  const leaves = leavesUpTo(100);
  for (const batch of [1, 3, 64, 100]) {
    const frontier = new Frontier(hash);
    const seen = new Map<string, Uint8Array>();
    while (frontier.size < leaves.length) {
      const end = Math.min(frontier.size + batch, leaves.length);
      frontier.append(flat(leaves.slice(frontier.size, end)), (level, first, hashes) => {
        for (let i = 0; i * hashLength < hashes.length; i++) {
          const key = `${level}/${first + i}`;
          assert.ok(!seen.has(key), `${key} once`);
          assert.ok((first + i + 1) * 2 ** level <= end, `${key} not before its leaves`);
          seen.set(key, hashes.slice(i * hashLength, (i + 1) * hashLength));
        }
      });
    }
    let expected = 0;
    for (let level = 0; 2 ** level <= leaves.length; level++) {
      for (let index = 0; (index + 1) * 2 ** level <= leaves.length; index++, expected++) {
        const below = leaves.slice(index * 2 ** level, (index + 1) * 2 ** level);
        assert.deepEqual(seen.get(`${level}/${index}`), referenceRoot(hash, below), `${level}/${index}`);
      }
    }
    assert.equal(seen.size, expected);
  }
});

test('appending costs one node hash per leaf in all, and never more than the height at once', () => {
  let nodes = 0;
  const counting: TreeHash = {
    ...hash,
    parents(children) {
      nodes += children.length / (2 * hashLength);
      return hash.parents(children);
    },
  };
  const frontier = new Frontier(counting);
  const leaf = new Uint8Array(hashLength);
  for (let size = 1; size <= 4_096; size++) {
    const before = nodes;
    frontier.append(leaf);
    assert.ok(nodes - before <= Math.log2(size), `${nodes - before} at size ${size}`);
  }
  assert.equal(nodes, 4_095);
});

test('a frontier taken up from its peaks goes on like the first one', () => {
  const leaves = leavesUpTo(80);
  for (let size = 0; size < leaves.length; size++) {
    const first = new Frontier(hash);
    first.append(flat(leaves.slice(0, size)));
    const second = Frontier.fromPeaks(hash, size, first.peaks());
    const third = first.clone();
    third.append(flat(leaves.slice(size)));
    assert.equal(first.size, size, 'a clone leaves its source alone');
    assert.deepEqual(second.root(), first.root());
    second.append(flat(leaves.slice(size)));
    assert.deepEqual(second.root(), referenceRoot(hash, leaves));
    assert.deepEqual(third.root(), second.root());
  }
});

test('peaks that do not fit the size, and hashes of another length, are refused', () => {
  const peak = hash.leaf(new Uint8Array(0));
  assert.throws(() => Frontier.fromPeaks(hash, 3, [peak]), /Expected 2 peaks/);
  assert.throws(() => Frontier.fromPeaks(hash, 1, [peak.subarray(1)]), RangeError);
  assert.throws(() => Frontier.fromPeaks(hash, -1, []), RangeError);
  assert.throws(() => new Frontier(hash).append(new Uint8Array(33)), /32 bytes, found 33/);
});

test('a caller may use its memory again after appending', () => {
  const memory = Buffer.from(flat(leavesUpTo(7)));
  const frontier = new Frontier(hash);
  frontier.append(memory);
  memory.fill(0);
  assert.deepEqual(frontier.root(), referenceRoot(hash, leavesUpTo(7)));
});

test('nobody can change the empty root for others', () => {
  emptyRoot().fill(0);
  assert.equal(toHex(new Frontier(hash).root()), vectorRoots.get(0));
});

function leavesUpTo(count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => hash.leaf(Uint8Array.of(i >> 8, i)));
}

function flat(hashes: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(hashes.flatMap((one) => [...one]));
}
