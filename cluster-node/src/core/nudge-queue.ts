import type { Nudge } from '../wire/messages.ts';

/** Milliseconds between two nudges to the same peer: at most 500 small datagrams a second each, and hardly any latency added. */
const minGapMs = 2;

/** Sends "origin X is at size s" to peers, not more often than is useful; what waits is merged. */
export class NudgeQueue {
  readonly #lastSentMs = new Map<string, number>();
  readonly #waiting = new Map<string, Set<string>>();

  /** Asks to tell `peer` about `origins` soon. */
  add(peer: string, origins: Iterable<string>): void {
    const waiting = this.#waiting.get(peer) ?? new Set();
    for (const origin of origins) waiting.add(origin);
    this.#waiting.set(peer, waiting);
  }

  /** When the next nudge may go out, if one waits. */
  get deadlineMs(): number {
    let earliest = Number.POSITIVE_INFINITY;
    for (const peer of this.#waiting.keys()) earliest = Math.min(earliest, this.#dueMs(peer));
    return earliest;
  }

  /** The nudges that may go out now, with the sizes as they are now. */
  take(flushed: ReadonlyMap<string, number>, maxHeads: number, nowMs: number): { peer: string; nudge: Nudge }[] {
    const due: { peer: string; nudge: Nudge }[] = [];
    for (const [peer, origins] of this.#waiting) {
      if (this.#dueMs(peer) > nowMs) continue;
      this.#waiting.delete(peer);
      this.#lastSentMs.set(peer, nowMs);
      // What does not fit is learned by the next pull.
      const heads = [...origins].sort().slice(0, maxHeads);
      due.push({
        peer,
        nudge: { type: 'nudge', heads: heads.map((origin) => ({ origin, size: flushed.get(origin) ?? 0 })) },
      });
    }
    return due;
  }

  /** Forgets everybody who is not in `peers` any more. */
  retain(peers: ReadonlySet<string>): void {
    for (const peer of [...this.#lastSentMs.keys(), ...this.#waiting.keys()]) {
      if (peers.has(peer)) continue;
      this.#lastSentMs.delete(peer);
      this.#waiting.delete(peer);
    }
  }

  #dueMs(peer: string): number {
    return (this.#lastSentMs.get(peer) ?? Number.NEGATIVE_INFINITY) + minGapMs;
  }
}
