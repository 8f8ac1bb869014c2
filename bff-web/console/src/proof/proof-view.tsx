import { messageProofSchema } from '@grapevine/shared/contracts/proof.ts';
import type { Refused } from '@grapevine/shared/verifier/refusal.ts';
import type { ProvenMessage } from '@grapevine/shared/verifier/verify-message.ts';
import { count } from '../format.ts';
import { ShortHash } from '../parts/short-hash.tsx';
import { proofSteps } from './proof-steps.ts';
import { ProofTree } from './proof-tree.tsx';

interface ProofViewProps {
  /** As the server sent it. */
  readonly document: unknown;
  readonly outcome: ProvenMessage | Refused;
  /** What stands on the page above; undefined when nothing does. */
  readonly shownBody: string | undefined;
}

/** The verdict of the verifier, and what it looked at. */
export function ProofView({ document, outcome, shownBody }: ProofViewProps) {
  const { data: proof } = messageProofSchema.safeParse(document);
  const { ok, words } = wordsFor(outcome, shownBody);
  return (
    <>
      <p class="outcome" data-tone={ok ? 'equal' : 'forked'} role="status">
        <b>{ok ? 'Proven' : 'Not proven'}</b> {words}
      </p>
      {proof !== undefined && (
        <div class="proof-columns">
          <ProofTree
            steps={proofSteps(proof.id, proof.seq, proof.treeSize, proof.path)}
            leaf={proof.id}
            root={proof.head.root}
            seq={proof.seq}
            size={proof.treeSize}
            valid={outcome.valid}
          />
          <div class="stack">
            <dl class="facts">
              <div>
                <dt>Leaf: the message’s id</dt>
                <dd>
                  <ShortHash hash={proof.id} what="leaf" digits={20} />
                </dd>
              </div>
              <div>
                <dt>Root of {count(proof.treeSize)} entries, signed</dt>
                <dd>
                  <ShortHash hash={proof.head.root} what="root" digits={20} />
                </dd>
              </div>
              <div>
                <dt>Signature of the origin</dt>
                <dd>
                  <ShortHash hash={proof.head.signature} what="signature" digits={20} />
                </dd>
              </div>
              <div>
                <dt>Public key</dt>
                <dd>
                  <ShortHash hash={proof.head.publicKey} what="public key" digits={20} />
                </dd>
              </div>
            </dl>
            <p class="note">
              Filled hashes were computed in this browser; the others came with the proof. Only the origin’s name is
              taken on trust.
            </p>
          </div>
        </div>
      )}
    </>
  );
}

function wordsFor(outcome: ProvenMessage | Refused, shownBody: string | undefined): { ok: boolean; words: string } {
  if (!outcome.valid) return { ok: false, words: `at the step “${outcome.step}”: ${outcome.reason}` };
  const { seq, origin, entry } = outcome;
  const place = `entry ${count(seq)} of origin ${origin.slice(0, 12)}…`;
  if (entry === undefined) return { ok: true, words: `that one with this id is ${place}. Its body has been erased.` };
  const body = typeof entry.body === 'string' ? entry.body : new TextDecoder().decode(entry.body);
  if (shownBody !== undefined && shownBody !== body) {
    return { ok: false, words: `The body above is not the one that the origin signed for as ${place}.` };
  }
  return { ok: true, words: `in this browser: it is ${place}, signed by that origin, and the body is the signed one.` };
}
