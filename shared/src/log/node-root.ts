import { Frontier } from '../merkle/frontier.ts';
import { hashLength, type TreeHash } from '../merkle/tree-hash.ts';
import { ByteWriter } from './bytes.ts';
import { type Head, originLength } from './head.ts';

const leafLength = originLength + 6 + 32;

/**
 * A node's root: the RFC 6962 root over one leaf per origin (origin 16 bytes, size u48, root 32 bytes), sorted by origin.
 * Two nodes with equal roots hold byte-identical content. Origins without entries are content of nobody and left out.
 */
export function nodeRoot(hash: TreeHash, heads: Iterable<Pick<Head, 'origin' | 'size' | 'root'>>): Uint8Array {
  const held = [...heads].filter((head) => head.size > 0).sort((a, b) => (a.origin < b.origin ? -1 : 1));
  return rootOfLeaves(
    hash,
    held.map((head) => nodeLeaf(hash, head)),
  );
}

/** The leaf hash of one origin under a node's root. */
export function nodeLeaf(hash: TreeHash, head: Pick<Head, 'origin' | 'size' | 'root'>): Uint8Array {
  const writer = new ByteWriter(leafLength, leafLength);
  writer.hex(head.origin);
  writer.u48(head.size);
  writer.bytes(head.root);
  return hash.leaf(writer.take());
}

/** A node's root from the leaf hashes of its origins, in the order of these: for whoever keeps those that did not change. */
export function rootOfLeaves(hash: TreeHash, leaves: readonly Uint8Array[]): Uint8Array {
  const hashes = new Uint8Array(leaves.length * hashLength);
  leaves.forEach((leaf, i) => {
    hashes.set(leaf, i * hashLength);
  });
  const frontier = new Frontier(hash);
  frontier.append(hashes);
  return frontier.root();
}
