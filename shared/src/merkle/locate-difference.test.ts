import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SeededRandom } from '../random.ts';
import { Frontier } from './frontier.ts';
import type { NodeId } from './geometry.ts';
import { peaks } from './geometry.ts';
import { type DistantTree, locateDifference, WrongTree } from './locate-difference.ts';
import { hashLength, nobleTreeHash } from './tree-hash.ts';
import { type NodeReader, rootAt } from './tree-reader.ts';

function leaf(index: number, story = 'the same'): Uint8Array {
  return nobleTreeHash.leaf(new TextEncoder().encode(`${index} ${story}`));
}

/** A tree in memory whose leaves from `from` on tell another story. */
function treeOf(size: number, from = size): NodeReader {
  const nodes = new Map<string, Uint8Array>();
  const frontier = new Frontier(nobleTreeHash);
  for (let i = 0; i < size; i++) {
    frontier.append(leaf(i, i < from ? undefined : 'another'), (level, first, hashes) => {
      nodes.set(`${level}/${first}`, hashes);
    });
  }
  return { node: (level, index) => nodes.get(`${level}/${index}`) ?? assert.fail(`no node ${level}/${index}`) };
}

/** Counts what it is asked for. */
class CountingTree implements DistantTree {
  readonly root: Uint8Array;
  questions = 0;
  bytes = 0;
  readonly #tree: NodeReader;

  constructor(tree: NodeReader, size: number) {
    this.#tree = tree;
    this.root = rootAt(tree, nobleTreeHash, size);
  }

  async peaks(size: number): Promise<Uint8Array[]> {
    return this.#count(peaks(size).map(({ level, index }) => this.#tree.node(level, index)));
  }

  async below({ level, index }: NodeId, depth: number): Promise<Uint8Array> {
    const nodes = Array.from({ length: 2 ** depth }, (_, i) => this.#tree.node(level - depth, index * 2 ** depth + i));
    return new Uint8Array(Buffer.concat(this.#count(nodes)));
  }

  #count(hashes: Uint8Array[]): Uint8Array[] {
    this.questions += 1;
    this.bytes += hashes.length * hashLength;
    return hashes;
  }
}

describe('the first difference of two trees', () => {
  test('is found at every place of every small tree', async () => {
    for (let size = 1; size <= 20; size++) {
      const own = treeOf(size);
      for (let from = 0; from < size; from++) {
        const other = new CountingTree(treeOf(size, from), size);
        const found = await locateDifference(own, other, nobleTreeHash, size);
        assert.deepEqual(found, { index: from, own: leaf(from), other: leaf(from, 'another') }, `${from} of ${size}`);
      }
    }
  });

  test('is found among a million leaves with eight questions and 1,760 bytes of hashes', async () => {
    const size = 1_000_000;
    const random = new SeededRandom(9);
    for (const wrong of [0, size - 1, ...Array.from({ length: 20 }, () => random.below(size))]) {
      const [own, other] = [sparseTree(undefined), sparseTree(wrong)];
      const counting = new CountingTree(other, size);
      const { index } = await locateDifference(own, counting, nobleTreeHash, size);
      assert.equal(index, wrong);
      assert.ok(counting.questions <= 8 && counting.bytes <= 1_760, `${counting.questions}, ${counting.bytes}`);
    }
  });

  test('is not believed of a tree that contradicts itself', async () => {
    const size = 13;
    const own = treeOf(size);
    const honest = new CountingTree(treeOf(size, 5), size);
    const wrongPeaks = Object.assign(new CountingTree(treeOf(size, 5), size), { root: leaf(0) });
    await assert.rejects(locateDifference(own, wrongPeaks, nobleTreeHash, size), WrongTree);
    const wrongBelow: DistantTree = {
      root: honest.root,
      peaks: (at) => honest.peaks(at),
      below: async (id, depth) => (await honest.below(id, depth)).with(3, 0).with(4, 0),
    };
    await assert.rejects(locateDifference(own, wrongBelow, nobleTreeHash, size), WrongTree);
    const short: DistantTree = { ...wrongBelow, below: async () => new Uint8Array(0) };
    await assert.rejects(locateDifference(own, short, nobleTreeHash, size), WrongTree);
    await assert.rejects(locateDifference(own, new CountingTree(own, size), nobleTreeHash, size), RangeError);
  });
});

/** Leaves are all alike but for the one at `wrong`, so that a large tree need not be made. */
function sparseTree(wrong: number | undefined): NodeReader {
  const alike = [leaf(0)];
  for (let level = 1; level <= 20; level++) alike.push(nobleTreeHash.node(...pair(alike[level - 1])));
  const node = (level: number, index: number): Uint8Array => {
    const isWrong = wrong !== undefined && Math.floor(wrong / 2 ** level) === index;
    if (!isWrong) return alike[level] ?? assert.fail();
    if (level === 0) return leaf(0, 'another');
    return nobleTreeHash.node(node(level - 1, 2 * index), node(level - 1, 2 * index + 1));
  };
  return { node };
}

function pair(hash = leaf(0)): [Uint8Array, Uint8Array] {
  return [hash, hash];
}
