import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nobleTreeHash } from '@grapevine/shared/merkle/tree-hash.ts';
import { fastTreeHash } from './fast-tree-hash.ts';
import { maxPairs } from './pair-hash/four-lanes.ts';

const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * 31 + length) % 251);
const plain = (hash: Uint8Array): Uint8Array => new Uint8Array(hash);

test('leaves hash as they do in a browser, on both sides of the length where the method changes', () => {
  for (const length of [0, 1, 63, 64, 350, 16_383, 16_384, 16_385, 1_048_576]) {
    assert.deepEqual(plain(fastTreeHash.leaf(bytes(length))), nobleTreeHash.leaf(bytes(length)), `${length} bytes`);
  }
});

test('inner nodes hash as they do in a browser, one by one and in runs, at any place in memory', () => {
  const [left, right] = [bytes(32), bytes(64).subarray(32)];
  assert.deepEqual(plain(fastTreeHash.node(left, right)), nobleTreeHash.node(left, right));
  for (const pairs of [0, 1, 2, 3, 4, 5, 300, maxPairs, maxPairs + 1, 2 * maxPairs + 3]) {
    const children = bytes(64 * pairs + 1).subarray(1);
    assert.deepEqual(plain(fastTreeHash.parents(children)), nobleTreeHash.parents(children), `${pairs} pairs`);
  }
});

test('inner nodes in a run hash as they do in a browser whatever their last byte is: it selects how they are hashed', () => {
  const children = bytes(64 * 256);
  for (let i = 0; i < 256; i++) children[64 * i + 63] = i;
  assert.deepEqual(plain(fastTreeHash.parents(children)), nobleTreeHash.parents(children));
});

test('a result stays what it was when the next hash is made', () => {
  const first = fastTreeHash.leaf(bytes(10));
  const before = plain(first);
  fastTreeHash.leaf(bytes(11));
  fastTreeHash.node(bytes(32), bytes(32));
  fastTreeHash.parents(bytes(128));
  assert.deepEqual(plain(first), before);
});
