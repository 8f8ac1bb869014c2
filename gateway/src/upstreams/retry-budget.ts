/** Retries that are always possible, per second: a service with little traffic has failures to repeat, too. */
const alwaysPerSecond = 10;
/** Retries that can be saved up: a burst of failures after a quiet time is repeated, a lasting one is not. */
const savedSeconds = 10;

/**
 * Keeps retries at a share of requests: an upstream that fails most of them must not get a multiple of its traffic as well.
 * Requests pay in, retries are paid from it.
 */
export class RetryBudget {
  readonly #ratio: number;
  readonly #most: number;
  #balance = alwaysPerSecond;
  #atMs: number;

  /** `ratio`: retries per request that last. */
  constructor(ratio: number, nowMs: number) {
    this.#ratio = ratio;
    this.#most = alwaysPerSecond * savedSeconds;
    this.#atMs = nowMs;
  }

  request(): void {
    this.#balance = Math.min(this.#most, this.#balance + this.#ratio);
  }

  /** Pays for one retry, if there is enough. */
  retry(nowMs: number): boolean {
    const earned = ((nowMs - this.#atMs) / 1_000) * alwaysPerSecond;
    this.#balance = Math.min(this.#most, this.#balance + earned);
    this.#atMs = nowMs;
    if (this.#balance < 1) return false;
    this.#balance--;
    return true;
  }
}
