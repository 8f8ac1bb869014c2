import type { CheckedSegment } from '../store/log-store.ts';
import type { Address, NodeMessage } from '../wire/messages.ts';
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
  /** A peer sent what its origin cannot have written. */
  | { readonly type: 'refused-segment'; readonly sender: string; readonly reason: RefusalReason };
