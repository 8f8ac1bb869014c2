import type { CheckedSegment } from '../store/log-store.ts';
import type { Address, MemberDigest, NodeMessage } from '../wire/messages.ts';
import type { Segment } from '../wire/segment.ts';
import type { RefusalReason } from './log-tips.ts';
import type { Draft, Placement } from './writer.ts';

/** Messages to take, all or none. */
export interface PublishOrder {
  /** Chosen by the caller, to recognise the outcome. */
  readonly ticket: number;
  /** Each within the limits of an entry: `requirePublishable`. */
  readonly drafts: readonly Draft[];
  readonly acks: number;
  readonly timeoutMs: number;
}

/** What happens to a replica. */
export type ReplicaEvent =
  /** The time that `wakeAtMs` named has come; harmless at any other time. */
  | { readonly type: 'wake' }
  /** A datagram that was sealed by the holder of `sender` and decoded. */
  | { readonly type: 'message'; readonly sender: string; readonly message: NodeMessage }
  | { readonly type: 'publish'; readonly orders: readonly PublishOrder[] }
  /** The outcome of a `commit` effect; outcomes arrive in the order of the effects. */
  | { readonly type: 'committed'; readonly batch: number }
  | { readonly type: 'commit-failed'; readonly batch: number; readonly reason: string }
  /** The registry names other seeds than before. */
  | { readonly type: 'seeds'; readonly seeds: readonly Address[] }
  /** The chunk of a catch-up stream that was asked for, in the order of the stream; not yet checked. */
  | { readonly type: 'streamed'; readonly stream: number; readonly segments: readonly Segment[] }
  /** A catch-up stream is over: it ended as it should, or it broke. */
  | { readonly type: 'stream-ended'; readonly stream: number; readonly isComplete: boolean }
  /** This node is about to stop. */
  | { readonly type: 'leave' };

/** What a replica wants done. */
export type ReplicaEffect =
  | { readonly type: 'send'; readonly to: Address; readonly message: NodeMessage }
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
      readonly why: 'queue-full' | 'store-failed';
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
  | { readonly type: 'refused-segment'; readonly sender: string; readonly reason: RefusalReason };
