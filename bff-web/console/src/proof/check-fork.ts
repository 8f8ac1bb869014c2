import { fromHex } from '@grapevine/shared/log/bytes.ts';
import { nobleTreeHash as hash } from '@grapevine/shared/merkle/tree-hash.ts';
import { verifyConsistency } from '@grapevine/shared/merkle/verify.ts';
import { refusable } from '@grapevine/shared/verifier/refusal.ts';
import { requireSigned, signedHeadOf } from '@grapevine/shared/verifier/signed-head.ts';
import type { Fork, ForkSide } from '../api/comparison.ts';

/** Undefined when the evidence proves that one origin told two stories; else what is wrong with it. Believes nobody. */
export function flawOf(fork: Fork): string | undefined {
  if (fork.own.root === fork.other.root) return 'Both sides have the same root.';
  return flawOfSide(fork, fork.own, 'this side') ?? flawOfSide(fork, fork.other, 'the other side');
}

function flawOfSide({ origin, size }: Fork, side: ForkSide, name: string): string | undefined {
  const checked = refusable(() => {
    const head = signedHeadOf(side.head);
    requireSigned(head, name);
    return { valid: true, head } as const;
  });
  if (!checked.valid) return checked.reason;
  const { head } = checked;
  if (head.origin !== origin) return `The head of ${name} is of another origin.`;
  const [fromRoot, path] = [fromHex(side.root), side.path.map(fromHex)];
  const claim = { hash, from: size, to: head.size, path, fromRoot, toRoot: head.root };
  return verifyConsistency(claim) ? undefined : `The head of ${name} does not continue its root.`;
}
