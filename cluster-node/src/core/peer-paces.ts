/**
 * Bytes asked for at once: at first, at least and at most. Starts at half of what a receive buffer takes by default (208 KiB on
 * Linux), grows by steps while nothing is lost, halves when something is (AIMD).
 */
const window = { initial: 96 * 1024, least: 8 * 1024, most: 192 * 1024, step: 8 * 1024 } as const;
/** Shortest and longest wait for an answer's next datagram, in milliseconds. */
const patience = { least: 40, most: 2_000 } as const;
const usualRoundTripMs = 5;
/**
 * A peer whose pull came to nothing, or to no end, gives way to others for so many times as long as that took: whoever never
 * gives what it promises costs a tenth of the time at most.
 */
const backOff = 10;

interface Pace {
  budget: number;
  roundTripMs: number;
  slowUntilMs: number;
}

/**
 * How fast each peer answers, and how much it is asked for at once. Each for itself: one that answers late, or in part, must
 * not make this node wait longer for the others, nor ask them for less.
 */
export class PeerPaces {
  readonly #paces = new Map<string, Pace>();

  /** Bytes to ask `peer` for. */
  budget(peer: string): number {
    return this.#of(peer).budget;
  }

  /** Four round trips and some slack: longer than a busy peer takes, short enough that a lost datagram hardly shows. */
  patienceMs(peer: string): number {
    return Math.min(patience.most, patience.least + 4 * this.#of(peer).roundTripMs);
  }

  /** The first datagram of an answer came so long after the question. */
  answered(peer: string, afterMs: number): void {
    const pace = this.#of(peer);
    pace.roundTripMs += (afterMs - pace.roundTripMs) / 8;
  }

  ended(peer: string, { isComplete, isDue, isUseful, tookMs }: PullRecord, nowMs: number): void {
    const pace = this.#of(peer);
    pace.budget = isComplete
      ? Math.min(window.most, pace.budget + window.step)
      : Math.max(window.least, Math.floor(pace.budget / 2));
    // Nothing is a good answer of somebody who never claimed to have something, when it comes soon.
    const isGood = isComplete && (isUseful || (!isDue && tookMs <= patience.least));
    pace.slowUntilMs = isGood ? nowMs : nowMs + backOff * tookMs;
  }

  /** Whether `peer` has kept this node waiting for nothing lately: others are asked before it. */
  isSlow(peer: string, nowMs: number): boolean {
    return nowMs < (this.#paces.get(peer)?.slowUntilMs ?? nowMs);
  }

  /** Forgets everybody who is not in `peers` any more. */
  retain(peers: ReadonlySet<string>): void {
    for (const peer of this.#paces.keys()) if (!peers.has(peer)) this.#paces.delete(peer);
  }

  #of(peer: string): Pace {
    const known = this.#paces.get(peer);
    if (known !== undefined) return known;
    const fresh = { budget: window.initial, roundTripMs: usualRoundTripMs, slowUntilMs: Number.NEGATIVE_INFINITY };
    this.#paces.set(peer, fresh);
    return fresh;
  }
}

/** How a pull went. */
interface PullRecord {
  /** Nothing of the answer was lost. */
  readonly isComplete: boolean;
  /** The peer was known to have something. */
  readonly isDue: boolean;
  /** Some of what came may be of use. */
  readonly isUseful: boolean;
  readonly tookMs: number;
}
