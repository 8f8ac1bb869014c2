export interface EjectionOptions {
  /** Failures in a row after which an instance is left out. */
  readonly failures: number;
  /** For so long the first time, and for as much longer each time that it fails again at once. */
  readonly baseMs: number;
}

/** Longest that an instance is left out: a service that was mended is found again within minutes. */
const longestMs = 300_000;

/**
 * Leaves an instance out for a while that fails what others of its kind do not (outlier detection). Unlike a breaker, which
 * looks at a share of many requests, it notices an instance that fails one after the other, and it asks whether there are
 * others: an only instance is never left out.
 */
export class Ejection {
  readonly #options: EjectionOptions;
  #inARow = 0;
  #times = 0;
  #total = 0;
  #untilMs = 0;

  constructor(options: EjectionOptions) {
    this.#options = options;
  }

  /** How often it was left out since it last did well. */
  get times(): number {
    return this.#times;
  }

  /** How often it was left out ever. */
  get total(): number {
    return this.#total;
  }

  lasts(nowMs: number): boolean {
    return nowMs < this.#untilMs;
  }

  succeeded(): void {
    this.#inARow = 0;
    this.#times = 0;
  }

  failed(nowMs: number): void {
    this.#inARow++;
    // Back from its rest, one more failure is enough.
    const needed = this.#times === 0 ? this.#options.failures : 1;
    if (this.#inARow < needed || this.lasts(nowMs)) return;
    this.#times++;
    this.#total++;
    this.#untilMs = nowMs + Math.min(longestMs, this.#options.baseMs * this.#times);
    this.#inARow = 0;
  }
}
