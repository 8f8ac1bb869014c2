import type { MembershipNotice, RejectionCause, ReplicaEffect } from '@grapevine/cluster-node/core/events.ts';
import {
  everyOrigin,
  type MemberState,
  type NodeMessage,
  type PullResponse,
} from '@grapevine/cluster-node/wire/messages.ts';
import { segmentFirstSeq, segmentHeadSize } from '@grapevine/cluster-node/wire/segment.ts';
import { ByteReader, toHex } from '@grapevine/shared/log/bytes.ts';
import { hlcMs } from '@grapevine/shared/log/hlc.ts';
import type { SimNode } from '../sim-node.ts';
import type { SituationCounts } from './situations.ts';

/** Further than a hybrid clock runs ahead of a wall clock that was not set, in milliseconds. */
const noticeableMs = 100;

/** Notices in what nodes say and do which situations a run gets into. */
export class Watcher {
  readonly #situations: SituationCounts;
  /** Ends of the logs that each node has written or is writing, by origin. */
  readonly #ends = new WeakMap<object, Map<string, number>>();
  /** Members that each process takes for dead. */
  readonly #dead = new WeakMap<object, Set<string>>();
  /** Incarnations with which the processes started. */
  readonly #incarnations = new WeakMap<object, number>();

  constructor(situations: SituationCounts) {
    this.#situations = situations;
  }

  observe(node: SimNode, effect: ReplicaEffect): void {
    if (effect.type === 'send') this.#sent(node, effect.message);
    else if (effect.type === 'commit') this.#committing(node, effect.segments);
    else if (effect.type === 'settled' && !effect.acknowledged) this.#situations.reached('acknowledgement timed out');
    else if (effect.type === 'rejected') this.#rejected(effect.why);
    else if (effect.type === 'notice') this.#notified(node, effect.notice);
  }

  /** The process of `node` is gone, or will be in a moment. */
  ended(node: SimNode): void {
    const { process, loop } = node;
    const dropped = process?.dropped ?? {};
    this.#situations.reached('replay refused', (dropped['replayed'] ?? 0) + (dropped['stale-epoch'] ?? 0));
    this.#situations.reached('sealed by an unknown key', dropped['unknown-key'] ?? 0);
    this.#situations.reached('receive buffer full', loop.overruns);
    loop.overruns = 0;
  }

  /** A message is about to be taken in by `node`. */
  received(node: SimNode, message: NodeMessage): void {
    if (message.type === 'pull-response' && this.#bringsEarly(node, message)) {
      this.#situations.reached('early segment');
    }
  }

  #rejected(why: RejectionCause): void {
    if (why === 'store-failed') this.#situations.reached('commit failed under publishes');
    else if (why === 'queue-full') this.#situations.reached('queue full');
  }

  #notified(node: SimNode, notice: MembershipNotice): void {
    if (notice.kind === 'state') this.#sees(node, notice);
    else if (notice.kind === 'outbid') this.#situations.reached('earlier life outbid');
  }

  #sees({ replica }: SimNode, { name, state }: { readonly name: string; readonly state: MemberState }): void {
    if (replica === undefined) return;
    const dead = this.#dead.get(replica) ?? new Set<string>();
    this.#dead.set(replica, dead);
    if (state === 'dead') dead.add(name);
    else if (state === 'alive' && dead.delete(name)) this.#situations.reached('the dead came back');
  }

  #sent(node: SimNode, message: NodeMessage): void {
    if (message.type === 'members-response' && message.members.length > 0) {
      this.#situations.reached('member lists differed');
    }
    if (message.type !== 'pull-request') return;
    if (message.partials.length > 0) this.#situations.reached('partial resend');
    if (message.range.from !== everyOrigin.from || message.range.to !== everyOrigin.to) {
      this.#situations.reached('sliced vector');
    }
    const self = message.members.find(({ name }) => name === node.name);
    const { replica } = node;
    if (self === undefined || replica === undefined) return;
    const before = this.#incarnations.get(replica) ?? self.incarnation;
    if (self.incarnation > before) this.#situations.reached('suspicion refuted');
    this.#incarnations.set(replica, self.incarnation);
  }

  #committing(
    { replica, signer, clock }: SimNode,
    segments: Extract<ReplicaEffect, { type: 'commit' }>['segments'],
  ): void {
    if (replica === undefined) return;
    const own = segments.findLast(({ segment }) => segment.origin === signer.origin);
    if (own !== undefined && hlcMs(own.segment.head.hlc) > clock.wallMs() + noticeableMs) {
      this.#situations.reached('clock set back');
    }
    const ends = this.#ends.get(replica) ?? new Map<string, number>();
    this.#ends.set(replica, ends);
    for (const { segment } of segments) {
      ends.set(segment.origin, segment.head.size);
      if (segment.records.some(({ kind }) => kind === 'erased')) this.#situations.reached('erased form taken');
    }
  }

  #bringsEarly({ replica }: SimNode, { pieces }: PullResponse): boolean {
    if (replica === undefined) return false;
    const ends = new Map(this.#ends.get(replica));
    for (const piece of pieces) {
      if (piece.kind !== 'segment') continue;
      const origin = toHex(new ByteReader(piece.bytes.subarray(1)).bytes(16));
      const end = Math.max(ends.get(origin) ?? 0, replica.flushed.size(origin));
      if (segmentFirstSeq(piece.bytes) > end) return true;
      ends.set(origin, Math.max(end, segmentHeadSize(piece.bytes)));
    }
    return false;
  }
}
