import type { MessageProof } from '@grapevine/shared/contracts/proof.ts';
import { encodeEntry } from '@grapevine/shared/log/entry.ts';
import { hlcToHex } from '@grapevine/shared/log/hlc.ts';
import type { TreeHash } from '@grapevine/shared/merkle/tree-hash.ts';
import { inclusionProof } from '@grapevine/shared/merkle/tree-reader.ts';
import type { NodeService } from '../node-service.ts';
import type { StoredEntry } from '../views/views.ts';

/** The proof that a message is in its origin's log, against the newest head that this node has flushed (RFC 6962 section 2.1.1). */
export function messageProof(log: NodeService['log'], treeHash: TreeHash, { id, entry }: StoredEntry): MessageProof {
  const { origin, seq } = entry;
  const head = log.heads().find((candidate) => candidate.origin === origin);
  // A node shows nothing that no flushed head covers: this is damage, and the caller cannot help it.
  if (head === undefined) throw new RangeError(`There is no head for the origin of message ${id}.`);
  const path = inclusionProof(log.tree(origin), treeHash, seq, head.size);
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
