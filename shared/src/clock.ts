/** Where time comes from. Cores take a `Clock`, so that the simulator can run years in seconds and skew them. */
export interface Clock {
  /** Wall-clock time in whole milliseconds since the Unix epoch. May jump in both directions. */
  wallMs(): number;
  /** Milliseconds from an arbitrary start, never going back. For durations and deadlines. */
  monotonicMs(): number;
}

/** The clock of this machine. */
export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
};

/** A clock that moves only when told to; both readings advance together. */
export class ManualClock implements Clock {
  #wallMs: number;
  #monotonicMs = 0;

  constructor(startWallMs = 1_700_000_000_000) {
    this.#wallMs = startWallMs;
  }

  wallMs(): number {
    return this.#wallMs;
  }

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  advance(ms: number): void {
    this.#wallMs += ms;
    this.#monotonicMs += ms;
  }

  /** Moves only the wall clock, as an operator or a time server would. */
  jumpWall(ms: number): void {
    this.#wallMs += ms;
  }
}
