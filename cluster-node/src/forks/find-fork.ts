import { equalBytes } from '@grapevine/shared/log/bytes.ts';
import type { SignedHead } from '@grapevine/shared/log/head.ts';
import { foldPeaks } from '@grapevine/shared/merkle/frontier.ts';
import { type DistantTree, locateDifference, WrongTree } from '@grapevine/shared/merkle/locate-difference.ts';
import { verifyConsistency } from '@grapevine/shared/merkle/verify.ts';
import type { ProvenTree } from '../damage/proven-tree.ts';
import type { LogChecks } from '../damage/read-segment.ts';

/** What a peer says of one origin's log. */
export interface PeerTree extends Omit<DistantTree, 'root'> {
  /** The proof that its log of `to` entries begins with that of `from`. */
  consistency(from: number, to: number): Promise<readonly Uint8Array[]>;
}

/** What one node has of a log that forked. */
export interface FoundSide {
  readonly head: SignedHead;
  /** Root at the size of the comparison. */
  readonly root: Uint8Array;
  /** Proves that the head's log begins with it. */
  readonly path: readonly Uint8Array[];
  /** Id of the first entry that differs. */
  readonly id: Uint8Array;
}

/** Two histories that one origin has signed. */
export interface FoundFork {
  readonly origin: string;
  /** Size at which they were compared. */
  readonly size: number;
  /** The first entry that differs. */
  readonly seq: number;
  readonly own: FoundSide;
  readonly other: FoundSide;
}

/**
 * Compares this node's log with a peer's of the same origin at the smaller of their sizes; `undefined` when one is the
 * beginning of the other, which is lag. What it says is proven: throws `WrongTree` when the peer shows what the origin has
 * not signed or contradicts itself, and `DataDamage` when this node's own tree does, so that neither passes for a fork.
 */
export async function findFork(
  own: ProvenTree,
  head: SignedHead,
  peer: PeerTree,
  { hash, verifier }: LogChecks,
): Promise<FoundFork | undefined> {
  const size = Math.min(own.head.size, head.size);
  if (size === 0) return undefined;
  const ownRoot = own.rootAt(size);
  const peaks = size === head.size && equalBytes(ownRoot, head.root) ? undefined : await peer.peaks(size);
  const root = peaks === undefined ? head.root : foldPeaks(hash, peaks);
  if (equalBytes(ownRoot, root)) return undefined;
  if (!verifier.verify(head)) throw new WrongTree(`It shows a head of ${head.origin} that its origin has not signed.`);
  const path = size === head.size ? [] : await peer.consistency(size, head.size);
  const claim = { hash, from: size, to: head.size, path, fromRoot: root, toRoot: head.root };
  if (!verifyConsistency(claim)) throw new WrongTree(`Its log of ${head.origin} at ${size} does not lead to its head.`);
  const tree = { node: (level: number, index: number) => own.node({ level, index }) };
  const distant = { root, peaks: async () => peaks ?? [], below: peer.below.bind(peer) };
  const { index, own: ownId, other: otherId } = await locateDifference(tree, distant, hash, size);
  return {
    origin: head.origin,
    size,
    seq: index,
    own: { head: own.head, root: ownRoot, path: own.consistencyWithHead(size), id: ownId },
    other: { head, root, path, id: otherId },
  };
}
