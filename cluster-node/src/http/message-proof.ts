import type { MessageProof } from '@grapevine/shared/contracts/proof.ts';
import { type Entry, encodeEntry } from '@grapevine/shared/log/entry.ts';
import type { TreeHash } from '@grapevine/shared/merkle/tree-hash.ts';
import { headToJson } from '../forks/signed-head.ts';
import type { NodeService } from '../node-service.ts';
import { requireLog } from './require-log.ts';

/** A message's place; without an entry when that has been erased. */
export interface ProvablePlace {
  readonly id: string;
  readonly origin: string;
  readonly seq: number;
  readonly entry: Entry | undefined;
}

/** The proof that a message is in its origin's log, against the newest head that this node has flushed (RFC 6962 section 2.1.1). */
export function messageProof(service: NodeService, treeHash: TreeHash, place: ProvablePlace): MessageProof {
  const { id, origin, seq, entry } = place;
  const tree = requireLog(service, treeHash, origin, seq + 1);
  const { head } = tree;
  const path = tree.inclusion(seq, Uint8Array.fromHex(id));
  return {
    id,
    origin,
    seq,
    treeSize: head.size,
    path: path.map((hash) => hash.toHex()),
    // There is one encoding per entry, so these are the bytes that its origin signed for.
    entry: entry === undefined ? null : encodeEntry(entry).toBase64(),
    head: headToJson(head),
  };
}
