import type { MessageProof } from '@grapevine/shared/contracts/proof.ts';
import { encodeEntry } from '@grapevine/shared/log/entry.ts';
import { hlcToHex } from '@grapevine/shared/log/hlc.ts';
import type { TreeHash } from '@grapevine/shared/merkle/tree-hash.ts';
import type { NodeService } from '../node-service.ts';
import type { StoredEntry } from '../views/views.ts';
import { requireLog } from './require-log.ts';

/** The proof that a message is in its origin's log, against the newest head that this node has flushed (RFC 6962 section 2.1.1). */
export function messageProof(service: NodeService, treeHash: TreeHash, { id, entry }: StoredEntry): MessageProof {
  const { origin, seq } = entry;
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
    entry: encodeEntry(entry).toBase64(),
    head: {
      origin,
      size: head.size,
      root: head.root.toHex(),
      hlc: hlcToHex(head.hlc),
      publicKey: head.publicKey.toHex(),
      signature: head.signature.toHex(),
    },
  };
}
