import { Frontier } from '../merkle/frontier.ts';
import type { TreeHash } from '../merkle/tree-hash.ts';
import { ByteWriter, fromHex } from './bytes.ts';
import { type Head, originLength } from './head.ts';

const leafLength = originLength + 6 + 32;

/**
 * A node's root: the RFC 6962 root over one leaf per origin (origin 16 bytes, size u48, root 32 bytes), sorted by origin.
 * Two nodes with equal roots hold byte-identical content. Origins without entries are content of nobody and left out.
 */
export function nodeRoot(hash: TreeHash, heads: Iterable<Pick<Head, 'origin' | 'size' | 'root'>>): Uint8Array {
  const held = [...heads].filter((head) => head.size > 0).sort((a, b) => (a.origin < b.origin ? -1 : 1));
  const frontier = new Frontier(hash);
  for (const head of held) frontier.append(hash.leaf(leafOf(head)));
  return frontier.root();
}

function leafOf(head: Pick<Head, 'origin' | 'size' | 'root'>): Uint8Array {
  const writer = new ByteWriter(leafLength, leafLength);
  writer.bytes(fromHex(head.origin));
  writer.u48(head.size);
  writer.bytes(head.root);
  return writer.finish();
}
