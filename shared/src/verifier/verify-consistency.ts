/** Checks on the reader's own machine that a log has only grown between two signed heads. */
import { consistencyProofSchema } from '../contracts/proof.ts';
import { fromHex } from '../log/bytes.ts';
import type { SignedHead } from '../log/head.ts';
import { nobleTreeHash as hash } from '../merkle/tree-hash.ts';
import { verifyConsistency } from '../merkle/verify.ts';
import { Refusal, type Refused, refusable, requireDocument } from './refusal.ts';
import { requireSigned, signedHeadOf } from './signed-head.ts';

export interface ProvenGrowth {
  readonly valid: true;
  readonly older: SignedHead;
  readonly newer: SignedHead;
}

/**
 * Takes `{older, newer, path}`: two heads of one origin and the path of `GET /v1/origins/:id/consistency`. Never throws; a
 * refusal names the first step that failed: `document`, `position` (the heads are not of one origin, or not in that
 * order), `public-key`, `signature`, or `path` when both heads are signed, but the newer log does not begin with the
 * older one: then the origin has told two stories, and the heads are the evidence.
 */
export function verifyConsistencyProof(document: unknown): ProvenGrowth | Refused {
  return refusable(() => {
    const proof = requireDocument(consistencyProofSchema, document);
    const [older, newer] = [signedHeadOf(proof.older), signedHeadOf(proof.newer)];
    if (older.origin !== newer.origin) {
      throw new Refusal('position', `Expected heads of one origin, found ${older.origin} and ${newer.origin}.`);
    }
    if (older.size > newer.size) {
      throw new Refusal('position', `Expected a newer head of ${older.size} entries or more, found ${newer.size}.`);
    }
    requireSigned(older, 'older head');
    requireSigned(newer, 'newer head');
    const path = proof.path.map(fromHex);
    const [from, to, fromRoot, toRoot] = [older.size, newer.size, older.root, newer.root];
    if (!verifyConsistency({ hash, from, to, path, fromRoot, toRoot })) {
      throw new Refusal(
        'path',
        `The path does not prove that the log of ${to} entries begins with the one of ${from}.`,
      );
    }
    return { valid: true, older, newer };
  });
}
