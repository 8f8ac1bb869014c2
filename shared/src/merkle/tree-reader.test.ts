import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Frontier } from './frontier.ts';
import { referenceConsistency, referenceInclusion, referenceRoot } from './reference-tree.fixture.ts';
import { nobleTreeHash as hash } from './tree-hash.ts';
import { consistencyProof, inclusionProof, type NodeReader, rootAt, subtree } from './tree-reader.ts';

const largest = 70;
const leaves = Array.from({ length: largest }, (_, i) => hash.leaf(Uint8Array.of(i)));
const reader = keepAll(leaves);

test('roots of every earlier size', () => {
  for (let size = 0; size <= largest; size++) {
    assert.deepEqual(rootAt(reader, hash, size), referenceRoot(hash, leaves.slice(0, size)), `size ${size}`);
  }
});

test('inclusion proofs of every leaf at every size', () => {
  for (let size = 1; size <= largest; size++) {
    const tree = leaves.slice(0, size);
    for (let index = 0; index < size; index++) {
      const expected = referenceInclusion(hash, index, tree);
      assert.deepEqual(inclusionProof(reader, hash, index, size), expected, `${index} in ${size}`);
    }
  }
});

test('consistency proofs between all sizes', () => {
  for (let to = 1; to <= largest; to++) {
    const tree = leaves.slice(0, to);
    assert.deepEqual(consistencyProof(reader, hash, 0, to), []);
    for (let from = 1; from <= to; from++) {
      const expected = referenceConsistency(hash, from, tree);
      assert.deepEqual(consistencyProof(reader, hash, from, to), expected, `${from} to ${to}`);
    }
  }
});

test('subtrees, complete or cut off by the right edge', () => {
  for (let size = 1; size <= largest; size++) {
    for (let level = 0; level < 8; level++) {
      for (let index = 0; index * 2 ** level < size; index++) {
        const inside = leaves.slice(index * 2 ** level, Math.min((index + 1) * 2 ** level, size));
        assert.deepEqual(subtree(reader, hash, { level, index }, size), referenceRoot(hash, inside));
      }
    }
  }
});

test('what the tree does not have is refused', () => {
  assert.throws(() => inclusionProof(reader, hash, 5, 5), /from 0 to 4, found 5/);
  assert.throws(() => inclusionProof(reader, hash, -1, 5), RangeError);
  assert.throws(() => inclusionProof(reader, hash, 0.5, 5), RangeError);
  assert.throws(() => consistencyProof(reader, hash, 6, 5), /at most 5, found 6/);
  assert.throws(() => subtree(reader, hash, { level: 2, index: 2 }, 8), RangeError);
  assert.throws(() => rootAt(reader, hash, 2 ** 48 + 1), RangeError);
  assert.throws(() => rootAt(reader, hash, Number.NaN), RangeError);
});

/** Keeps every complete node and asks for nothing else. */
function keepAll(hashes: readonly Uint8Array[]): NodeReader {
  const nodes = new Map<string, Uint8Array>();
  const frontier = new Frontier(hash);
  for (const leaf of hashes) {
    frontier.append(leaf, (level, index, node) => nodes.set(`${level}/${index}`, node.slice()));
  }
  return {
    node(level, index) {
      const node = nodes.get(`${level}/${index}`);
      if (node === undefined) throw new Error(`asked for node ${level}/${index}, which is not complete`);
      return node;
    },
  };
}
