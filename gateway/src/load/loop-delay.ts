/** How often the delay is measured. */
const everyMs = 50;

/**
 * How late this process gets to what it should do. The smaller of the last two measurements counts: one long pause, such
 * as a garbage collection, is over before anything would be gained by turning requests away.
 */
export class LoopDelay {
  readonly #timer: NodeJS.Timeout;
  #lookedMs = performance.now();
  #last = 0;
  #before = 0;

  constructor() {
    this.#timer = setInterval(() => this.#look(), everyMs);
    this.#timer.unref();
  }

  /** Milliseconds. */
  get ms(): number {
    return Math.min(this.#last, this.#before);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const nowMs = performance.now();
    this.#before = this.#last;
    this.#last = Math.max(0, nowMs - this.#lookedMs - everyMs);
    this.#lookedMs = nowMs;
  }
}
