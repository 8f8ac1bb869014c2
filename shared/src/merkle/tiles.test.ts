import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Frontier } from './frontier.ts';
import { referenceRoot } from './reference-tree.fixture.ts';
import { hashesInTile, locate, maxTileHashes, TileReader, TileWriter } from './tiles.ts';
import { nobleTreeHash as hash, hashLength } from './tree-hash.ts';
import { rootAt } from './tree-reader.ts';

/** Tiles in memory, as a store keeps them. */
class Tiles {
  readonly kept = new Map<string, Uint8Array>();
  readonly read = (group: number, tile: number): Uint8Array | undefined => this.kept.get(`${group}/${tile}`);

  append(frontier: Frontier, leafHashes: Uint8Array): void {
    const writer = new TileWriter(this.read);
    frontier.append(leafHashes, (level, first, hashes) => writer.add(level, first, hashes));
    for (const { group, tile, bytes } of writer.take()) {
      const before = this.read(group, tile) ?? new Uint8Array(0);
      assert.deepEqual(bytes.subarray(0, before.length), before, 'a tile only grows at its end');
      this.kept.set(`${group}/${tile}`, bytes);
    }
  }
}

test('every node of a tree comes back from its tiles, whatever the size and the batches', () => {
  const leaves = Array.from({ length: 700 }, (_, i) => hash.leaf(Uint8Array.of(i >> 8, i)));
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 256 }), { maxLength: 6 }), (batches) => {
      const tiles = new Tiles();
      const frontier = new Frontier(hash);
      for (const count of batches) tiles.append(frontier, flat(leaves.slice(frontier.size, frontier.size + count)));
      const reader = new TileReader(tiles.read);
      for (let level = 0; 2 ** level <= frontier.size; level++) {
        for (let index = 0; (index + 1) * 2 ** level <= frontier.size; index++) {
          const below = leaves.slice(index * 2 ** level, (index + 1) * 2 ** level);
          const expected = level === 0 ? below[0] : hash.node(...halves(below));
          assert.deepEqual(new Uint8Array(reader.node(level, index)), expected, `node ${level}/${index}`);
        }
      }
      assert.deepEqual(rootAt(reader, hash, frontier.size), referenceRoot(hash, leaves.slice(0, frontier.size)));
    }),
    { numRuns: 12 },
  );
});

test('hashes may lie anywhere in memory', () => {
  const leaf = hash.leaf(Uint8Array.of(1));
  for (let shift = 0; shift < 4; shift++) {
    const memory = Buffer.alloc(shift + hashLength);
    memory.set(leaf, shift);
    const writer = new TileWriter(() => undefined);
    writer.add(0, 0, memory.subarray(shift));
    assert.deepEqual(writer.take(), [{ group: 0, tile: 0, bytes: leaf }], `at ${shift}`);
  }
});

test('the number of leaves determines the length of a tile', () => {
  assert.equal(hashesInTile(0), 0);
  assert.equal(hashesInTile(1), 1);
  assert.equal(hashesInTile(2), 3);
  assert.equal(hashesInTile(63), 120);
  assert.equal(hashesInTile(64), maxTileHashes);
  assert.equal(maxTileHashes * hashLength, 4032);
});

test('places of nodes, at the far end of the largest tree, too', () => {
  assert.deepEqual(locate(0, 0), { group: 0, tile: 0, offset: 0 });
  assert.deepEqual(locate(0, 1), { group: 0, tile: 0, offset: 1 });
  assert.deepEqual(locate(1, 0), { group: 0, tile: 0, offset: 2 });
  assert.deepEqual(locate(5, 1), { group: 0, tile: 0, offset: 125 });
  assert.deepEqual(locate(5, 2), { group: 0, tile: 1, offset: 62 });
  assert.deepEqual(locate(6, 0), { group: 1, tile: 0, offset: 0 });
  assert.deepEqual(locate(0, 2 ** 48 - 1), { group: 0, tile: 2 ** 42 - 1, offset: 120 });
  assert.deepEqual(locate(47, 1), { group: 7, tile: 0, offset: 125 });
});

test('a writer refuses tiles that are not what the tree says', () => {
  const first = new Frontier(hash);
  first.append(flat(Array.from({ length: 10 }, () => hash.leaf(Uint8Array.of(1)))));
  for (const kept of [undefined, new Uint8Array(0), new Uint8Array(17 * hashLength), new Uint8Array(19 * hashLength)]) {
    const writer = new TileWriter(() => kept);
    const append = () =>
      first.clone().append(new Uint8Array(32), (level, index, hashes) => writer.add(level, index, hashes));
    assert.throws(append, /Tile 0\/0: expected 576 bytes, found/);
  }
  assert.throws(() => new TileWriter(() => undefined).add(1, 0, new Uint8Array(32)), /before its children/);
});

test('a reader refuses tiles that are missing, short or of an impossible length', () => {
  for (const kept of [undefined, new Uint8Array(0), new Uint8Array(64), new Uint8Array(95), new Uint8Array(160)]) {
    assert.throws(() => new TileReader(() => kept).node(1, 0), /Tile 0\/0: expected 96 bytes or more/);
  }
  assert.equal(new TileReader(() => new Uint8Array(96)).node(1, 0).length, 32);
});

function halves(below: readonly Uint8Array[]): [Uint8Array, Uint8Array] {
  const middle = below.length / 2;
  return [referenceRoot(hash, below.slice(0, middle)), referenceRoot(hash, below.slice(middle))];
}

function flat(hashes: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(hashes.flatMap((one) => [...one]));
}
