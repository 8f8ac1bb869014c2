/** One run of one contender of the tree benchmark, a process of its own: `tree-build.ts WAY LEAVES`. Sends its milliseconds of CPU time. */
import { createHash, hash } from 'node:crypto';
import process from 'node:process';
import { fastTreeHash } from '@grapevine/cluster-node/store/fast-tree-hash.ts';
import { Frontier } from '@grapevine/shared/merkle/frontier.ts';
import { TileWriter } from '@grapevine/shared/merkle/tiles.ts';
import { hashLength } from '@grapevine/shared/merkle/tree-hash.ts';
import { rival } from './rivals.ts';

export type TreeWay = 'grapevine' | 'grapevine-tiles' | 'merkletreejs-createHash' | 'merkletreejs-hash';

/** What is used of merkletreejs. */
interface MerkleTreeJs {
  readonly MerkleTree: new (leaves: readonly Buffer[], hash: (data: Buffer) => Buffer) => { getRoot(): Buffer };
}

/** Entries in one segment at most: the batch in which the node's own trees grow. */
const batch = 256;

/** Leaves of the tree that is built before the one that counts, for the compiler to know the code. */
const warmUpLeaves = 200_000;

/** Brings leaf hashes into the form that a contender takes, unmeasured, and returns what builds the tree and gives its root. */
type Prepare = (leafHashes: Buffer) => () => Uint8Array;

const prepares: Readonly<Record<TreeWay, Prepare>> = {
  grapevine,
  'grapevine-tiles': grapevineTiles,
  'merkletreejs-createHash': merkleTreeJs((data) => createHash('sha256').update(data).digest()),
  'merkletreejs-hash': merkleTreeJs((data) => hash('sha256', data, 'buffer')),
};

const [way, leaves] = process.argv.slice(2);
const prepare = prepares[way as TreeWay];
prepare(leafHashes(warmUpLeaves))();
const build = prepare(leafHashes(Number(leaves)));
// Of the whole process: collecting the garbage that a way makes, in threads of its own, is part of what it costs. What others
// do on the machine does not count.
const before = process.cpuUsage();
const root = build();
const took = process.cpuUsage(before);
if (root.length !== hashLength) throw new Error(`${way} gave a root of ${root.length} bytes`);
process.send?.((took.user + took.system) / 1_000);

/** A run of nodes as `Frontier` reports it. */
interface NodeRun {
  readonly first: number;
  readonly hashes: Uint8Array;
}

/** As the node's core does it: segment by segment, every node kept in memory, level by level. */
function grapevine(hashes: Buffer): () => Uint8Array {
  return () => {
    const levels: NodeRun[][] = [];
    return grow(hashes, (frontier, segment) =>
      frontier.append(segment, (level, first, nodes) => {
        levels[level] ??= [];
        levels[level].push({ first, hashes: nodes });
      }),
    );
  };
}

/** As the store goes on from there: every node in its tile, tiles taken up again where the last segment ended. */
function grapevineTiles(hashes: Buffer): () => Uint8Array {
  return () => {
    const tiles = new Map<number, Uint8Array>();
    const keyOf = (group: number, tile: number): number => tile * 16 + group;
    return grow(hashes, (frontier, segment) => {
      const writer = new TileWriter((group, tile) => tiles.get(keyOf(group, tile)));
      frontier.append(segment, (level, first, nodes) => writer.add(level, first, nodes));
      for (const { group, tile, bytes } of writer.take()) tiles.set(keyOf(group, tile), bytes);
    });
  };
}

function grow(hashes: Buffer, append: (frontier: Frontier, segment: Uint8Array) => void): Uint8Array {
  const frontier = new Frontier(fastTreeHash);
  for (let at = 0; at < hashes.length; at += batch * hashLength) {
    append(frontier, hashes.subarray(at, at + batch * hashLength));
  }
  return frontier.root();
}

function merkleTreeJs(sha256: (data: Buffer) => Buffer): Prepare {
  return (hashes) => {
    const { MerkleTree } = rival('merkletreejs') as MerkleTreeJs;
    const list = Array.from({ length: hashes.length / hashLength }, (_, i) =>
      hashes.subarray(i * hashLength, (i + 1) * hashLength),
    );
    return () => new MerkleTree(list, sha256).getRoot();
  };
}

/** Different bytes for each leaf; a multiplier spreads them, since nothing here depends on their being random. */
function leafHashes(count: number): Buffer {
  const bytes = Buffer.alloc(count * hashLength);
  for (let i = 0; i < count; i++) bytes.writeUInt32LE(Math.imul(i, 2_654_435_761) >>> 0, i * hashLength);
  return bytes;
}
