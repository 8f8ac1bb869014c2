import type { CheckedSegment } from '../store/log-store.ts';
import type { Address, MemberDigest, MemberState, NodeMessage } from '../wire/messages.ts';
import type { Segment } from '../wire/segment.ts';
import type { RefusalReason } from './log-tips.ts';
import type { Draft, Place, Placement } from './writer.ts';

/** Messages to take, all or none. */
export interface PublishOrder {
  /** Chosen by the caller, to recognise the outcome. */
  readonly ticket: number;
  /** Each within the limits of an entry: `requirePublishable`. */
  readonly drafts: readonly Draft[];
  readonly acks: number;
  readonly timeoutMs: number;
}

/** Messages that are flushed here already, and that somebody wants to know held by enough nodes. */
export interface HoldersOrder {
  readonly ticket: number;
  /** At least one. */
  readonly places: readonly Place[];
  readonly acks: number;
  readonly timeoutMs: number;
}

/** What happens to a replica. */
export type ReplicaEvent =
  /** The time that `wakeAtMs` named has come; harmless at any other time. */
  | { readonly type: 'wake' }
  /** A datagram that was sealed by the holder of `sender` and decoded. */
  | { readonly type: 'message'; readonly sender: string; readonly message: NodeMessage }
  /** `sender` sealed a message in a version of the protocol that this node does not speak. */
  | { readonly type: 'foreign-version'; readonly sender: string; readonly version: number }
  | { readonly type: 'publish'; readonly orders: readonly PublishOrder[] }
  | { readonly type: 'await-holders'; readonly order: HoldersOrder }
  /** The outcome of a `commit` effect; outcomes arrive in the order of the effects. */
  | { readonly type: 'committed'; readonly batch: number }
  | { readonly type: 'commit-failed'; readonly batch: number; readonly reason: string }
  /** The store takes writes again. */
  | { readonly type: 'store-recovered' }
  /** The registry names other seeds than before. */
  | { readonly type: 'seeds'; readonly seeds: readonly Address[] }
  /** The chunk of a catch-up stream that was asked for, in the order of the stream; not yet checked. */
  | { readonly type: 'streamed'; readonly stream: number; readonly segments: readonly Segment[] }
  /** A catch-up stream is over: it ended as it should, or it broke. */
  | { readonly type: 'stream-ended'; readonly stream: number; readonly isComplete: boolean }
  /** Another history of this log, not this node's own, is about to take its place: nothing of it is taken until then. */
  | { readonly type: 'hold-log'; readonly origin: string }
  /** The log that was held is as the store has it now; nothing of it is under way. */
  | { readonly type: 'log-replaced'; readonly origin: string }
  /** This node's own log has forked: nothing is written to it any more. */
  | { readonly type: 'retire'; readonly reason: string }
  /** This node is about to stop. */
  | { readonly type: 'leave' };

/** What a replica wants done. */
export type ReplicaEffect =
  /** `version` is the one of the protocol that the receiver understands. */
  | { readonly type: 'send'; readonly to: Address; readonly message: NodeMessage; readonly version: number }
  | { readonly type: 'commit'; readonly batch: number; readonly segments: readonly CheckedSegment[] }
  /** Flushed entries grew: reads show more than before. */
  | { readonly type: 'advanced' }
  | {
      readonly type: 'settled';
      readonly ticket: number;
      readonly placements: readonly Placement[];
      readonly heldBy: number;
      readonly acknowledged: boolean;
    }
  | {
      readonly type: 'rejected';
      readonly ticket: number;
      /** `store-failed`: it was on its way to disk, and may be there or not; otherwise nothing was done. */
      readonly why: RejectionCause;
      readonly reason: string;
    }
  /**
   * A stream of the peer's segments of `origins` that `since` does not cover is to be opened, and its first chunk handed
   * over as `streamed`.
   */
  | {
      readonly type: 'catch-up';
      readonly stream: number;
      readonly peer: MemberDigest;
      readonly origins: readonly string[];
      readonly since: ReadonlyMap<string, number>;
    }
  /** The next chunk can be taken. */
  | { readonly type: 'catch-up-next'; readonly stream: number }
  /** The stream is given up; nothing of it is taken any more. */
  | { readonly type: 'catch-up-end'; readonly stream: number }
  /** A peer sent what its origin cannot have written. */
  | { readonly type: 'refused-segment'; readonly sender: string; readonly reason: RefusalReason }
  /** `peer`, an origin, holds as many entries of every log as this node, and yet other ones. */
  | { readonly type: 'contradicted'; readonly peer: string }
  | { readonly type: 'notice'; readonly notice: MembershipNotice };

export type RejectionCause = 'queue-full' | 'store-refuses' | 'store-failed' | 'superseded';

/** What an operator should hear of the membership. */
export type MembershipNotice =
  /** This node sees the member in this state from now on. */
  | { readonly kind: 'state'; readonly name: string; readonly state: MemberState }
  /** Another origin had this node's name by a later start; this node now claims `bootEpoch`, which its next start must exceed. */
  | { readonly kind: 'outbid'; readonly claim: MemberDigest; readonly bootEpoch: number }
  /** A later process has this node's name or origin. */
  | { readonly kind: 'superseded'; readonly by: MemberDigest }
  /** A second live process goes by the name of a member; both by their origins. */
  | { readonly kind: 'name-conflict'; readonly name: string; readonly member: string; readonly rival: string }
  /** A holder of the cluster's key speaks a version that this node does not. */
  | { readonly kind: 'incompatible'; readonly origin: string; readonly version: number };
