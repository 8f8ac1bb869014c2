import type { ReplicaEffect } from '@grapevine/cluster-node/core/events.ts';
import { everyOrigin, type NodeMessage, type PullResponse } from '@grapevine/cluster-node/wire/messages.ts';
import { segmentFirstSeq, segmentHeadSize } from '@grapevine/cluster-node/wire/segment.ts';
import { ByteReader, toHex } from '@grapevine/shared/log/bytes.ts';
import type { SimNode } from '../sim-node.ts';
import type { SituationCounts } from './situations.ts';

/** Notices in what nodes say and do which situations a run gets into. */
export class Watcher {
  readonly #situations: SituationCounts;
  /** Ends of the logs that each node has written or is writing, by origin. */
  #ends = new WeakMap<object, Map<string, number>>();
  /** Incarnations with which the processes started. */
  #incarnations = new WeakMap<object, number>();

  constructor(situations: SituationCounts) {
    this.#situations = situations;
  }

  observe(node: SimNode, effect: ReplicaEffect): void {
    if (effect.type === 'send') this.#sent(node, effect.message);
    else if (effect.type === 'commit') this.#committing(node, effect.segments);
    else if (effect.type === 'settled' && !effect.acknowledged) this.#situations.reached('acknowledgement timed out');
  }

  /** A message is about to be taken in by `node`. */
  received(node: SimNode, message: NodeMessage): void {
    if (message.type === 'pull-response' && this.#bringsEarly(node, message)) {
      this.#situations.reached('early segment');
    }
  }

  #sent(node: SimNode, message: NodeMessage): void {
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

  #committing({ replica }: SimNode, segments: Extract<ReplicaEffect, { type: 'commit' }>['segments']): void {
    if (replica === undefined) return;
    const ends = this.#ends.get(replica) ?? new Map<string, number>();
    this.#ends.set(replica, ends);
    for (const { segment } of segments) ends.set(segment.origin, segment.head.size);
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
