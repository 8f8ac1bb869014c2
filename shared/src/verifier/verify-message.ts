/**
 * Checks on the reader's own machine, browsers included, that a message is in the log that its origin signed. Nothing that
 * a server says is taken on trust but the origin's name.
 */
import { type MessageProof, messageProofSchema } from '../contracts/proof.ts';
import { fromHex, toHex } from '../log/bytes.ts';
import { decodeEntry, type Entry } from '../log/entry.ts';
import { nobleTreeHash as hash } from '../merkle/tree-hash.ts';
import { verifyInclusion } from '../merkle/verify.ts';
import { decoded, Refusal, type Refused, refusable, requireDocument } from './refusal.ts';
import { requireSigned, signedHeadOf } from './signed-head.ts';

export interface ProvenMessage {
  readonly valid: true;
  /** The log that it is in. */
  readonly origin: string;
  /** Its place there. */
  readonly seq: number;
  /**
   * What the origin signed for; show this, not what stood beside the proof. Undefined when the proof is of a message that
   * retention has erased: then all that is proven is that one with this id has that place.
   */
  readonly entry: Entry | undefined;
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
    const { origin, seq } = proof;
    const entry = entryOf(proof);
    const head = signedHeadOf(proof.head);
    requireEqual('origin', { document: origin, head: head.origin, ...(entry && { entry: entry.origin }) });
    requireEqual('seq', { document: seq, ...(entry && { entry: entry.seq }) });
    requireEqual('tree size', { document: proof.treeSize, head: head.size });
    const path = proof.path.map(fromHex);
    const leafHash = fromHex(proof.id);
    if (!verifyInclusion({ hash, leafHash, index: seq, size: head.size, path, root: head.root })) {
      throw new Refusal('path', `The path does not lead from entry ${seq} to the root of ${head.size} entries.`);
    }
    requireSigned(head, 'head');
    return { valid: true, origin, seq, entry };
  });
}

/** The entry that hashes to the id; undefined when it has been erased. */
function entryOf({ id, entry }: MessageProof): Entry | undefined {
  if (typeof entry !== 'string') return undefined;
  const bytes = decoded('document', () => Uint8Array.fromBase64(entry, { lastChunkHandling: 'strict' }));
  const leafHash = hash.leaf(bytes);
  if (toHex(leafHash) !== id) {
    throw new Refusal('id', `The entry's bytes hash to ${toHex(leafHash)}, expected the id ${id}.`);
  }
  return decoded('entry', () => decodeEntry(bytes));
}

function requireEqual(what: string, found: Readonly<Record<string, string | number>>): void {
  if (new Set(Object.values(found)).size > 1) {
    const places = Object.entries(found).map(([place, value]) => `${value} in the ${place}`);
    throw new Refusal('position', `Expected the same ${what} everywhere, found ${places.join(', ')}.`);
  }
}
