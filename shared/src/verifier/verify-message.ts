/**
 * Checks on the reader's own machine, browsers included, that a message is in the log that its origin signed. Nothing that
 * a server says is taken on trust but the origin's name.
 */
import { messageProofSchema } from '../contracts/proof.ts';
import { fromHex, toHex } from '../log/bytes.ts';
import { decodeEntry, type Entry } from '../log/entry.ts';
import { nobleTreeHash as hash } from '../merkle/tree-hash.ts';
import { verifyInclusion } from '../merkle/verify.ts';
import { decoded, Refusal, type Refused, refusable, requireDocument } from './refusal.ts';
import { requireSigned, signedHeadOf } from './signed-head.ts';

export interface ProvenMessage {
  readonly valid: true;
  /** What the origin signed for; show this, not what stood beside the proof. */
  readonly entry: Entry;
}

/**
 * Takes the JSON document of `GET /v1/messages/:id/proof`. Never throws; a refusal names the first step that failed:
 * - `document`: it does not have the form of a proof.
 * - `id`: the id is not the hash of the entry's bytes.
 * - `entry`: the bytes are not an entry.
 * - `position`: entry, document and head speak of different places.
 * - `path`: the path does not lead from the entry to the head's root.
 * - `public-key`: the key is not the one that the origin is named after.
 * - `signature`: the origin did not sign this head.
 */
export function verifyMessageProof(document: unknown): ProvenMessage | Refused {
  return refusable(() => {
    const proof = requireDocument(messageProofSchema, document);
    const bytes = decoded('document', () => Uint8Array.fromBase64(proof.entry, { lastChunkHandling: 'strict' }));
    const leafHash = hash.leaf(bytes);
    if (toHex(leafHash) !== proof.id) {
      throw new Refusal('id', `The entry's bytes hash to ${toHex(leafHash)}, expected the id ${proof.id}.`);
    }
    const entry = decoded('entry', () => decodeEntry(bytes));
    const head = signedHeadOf(proof.head);
    requireEqual('origin', { document: proof.origin, entry: entry.origin, head: head.origin });
    requireEqual('seq', { document: proof.seq, entry: entry.seq });
    requireEqual('tree size', { document: proof.treeSize, head: head.size });
    const path = proof.path.map(fromHex);
    if (!verifyInclusion({ hash, leafHash, index: entry.seq, size: head.size, path, root: head.root })) {
      throw new Refusal('path', `The path does not lead from entry ${entry.seq} to the root of ${head.size} entries.`);
    }
    requireSigned(head, 'head');
    return { valid: true, entry };
  });
}

function requireEqual(what: string, found: Readonly<Record<string, string | number>>): void {
  if (new Set(Object.values(found)).size > 1) {
    const places = Object.entries(found).map(([place, value]) => `${value} in the ${place}`);
    throw new Refusal('position', `Expected the same ${what} everywhere, found ${places.join(', ')}.`);
  }
}
