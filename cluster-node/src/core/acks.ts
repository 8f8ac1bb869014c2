import type { PlacedPublish } from './writer.ts';

/** A publish that is flushed here and, where asked for, elsewhere. */
export interface Settled {
  readonly publish: PlacedPublish;
  /** Nodes that have said that they flushed it, this one included. */
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
  #waiting: PlacedPublish[] = [];
  #isClosed = false;

  /** Takes up a publish that is flushed on this node. */
  add(publish: PlacedPublish): void {
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

  /** When the next one runs out of time, if any waits. */
  get deadlineMs(): number {
    return this.#waiting.reduce(
      (earliest, publish) => Math.min(earliest, publish.deadlineMs),
      Number.POSITIVE_INFINITY,
    );
  }

  /** Removes and returns what is settled now. `holders` tells how many nodes hold this origin's log up to a size. */
  settle(holders: (size: number) => number, nowMs: number): Settled[] {
    if (this.#waiting.length === 0) return [];
    const settled: Settled[] = [];
    this.#waiting = this.#waiting.filter((publish) => {
      const heldBy = holders((publish.placements.at(-1)?.seq ?? -1) + 1);
      const acknowledged = heldBy >= publish.acks;
      if (!acknowledged && nowMs < publish.deadlineMs && !this.#isClosed) return true;
      settled.push({ publish, heldBy, acknowledged });
      return false;
    });
    return settled;
  }
}
