import type { Place, Placement } from './writer.ts';

/** A publisher that waits until enough nodes hold its messages. All of them are flushed here. */
export interface AwaitedPublish {
  readonly ticket: number;
  /** Where its new messages are. */
  readonly placements: readonly Placement[];
  /** What has to be held: the last message of each log, for who holds it holds everything before it. */
  readonly last: readonly Place[];
  readonly acks: number;
  readonly deadlineMs: number;
}

/** A publish that is flushed here and, where asked for, elsewhere. */
export interface Settled {
  readonly publish: AwaitedPublish;
  /** Nodes that have said that they flushed all of it, this one included. */
  readonly heldBy: number;
  /** False when its time ran out first. */
  readonly acknowledged: boolean;
}

/**
 * Publishes that wait for other nodes: a second's worth while none of them answers. Beyond it those that would wait, too, are
 * refused. Each step looks at all of them.
 */
const maxWaiting = 4_096;

/**
 * Waits for write concerns. A peer counts only after its own vector covered the entries: what was sent to it is no proof.
 */
export class AckTracker {
  #waiting: AwaitedPublish[] = [];
  #isClosed = false;

  add(publish: AwaitedPublish): void {
    this.#waiting.push(publish);
  }

  /** Whether no further publish may be taken that asks for other nodes. What is being committed comes on top. */
  get isFull(): boolean {
    return this.#waiting.length >= maxWaiting;
  }

  /** From now on nobody waits any longer: this node stops, and would not hear of further holders. */
  close(): void {
    this.#isClosed = true;
  }

  /** The logs that somebody waits for. */
  origins(): Set<string> {
    return new Set(this.#waiting.flatMap(({ last }) => last.map(({ origin }) => origin)));
  }

  /** When the next one runs out of time, if any waits. */
  get deadlineMs(): number {
    return this.#waiting.reduce(
      (earliest, publish) => Math.min(earliest, publish.deadlineMs),
      Number.POSITIVE_INFINITY,
    );
  }

  /** Removes and returns what is settled now. `holders` tells how many nodes hold a message. */
  settle(holders: (place: Place) => number, nowMs: number): Settled[] {
    if (this.#waiting.length === 0) return [];
    const settled: Settled[] = [];
    this.#waiting = this.#waiting.filter((publish) => {
      const heldBy = Math.min(...publish.last.map(holders));
      const acknowledged = heldBy >= publish.acks;
      if (!acknowledged && nowMs < publish.deadlineMs && !this.#isClosed) return true;
      settled.push({ publish, heldBy, acknowledged });
      return false;
    });
    return settled;
  }
}
