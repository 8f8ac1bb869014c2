/** Half of what is known about an instance's latency is older than this times ln 2: it forgets a slow moment in some seconds. */
const memoryMs = 10_000;

/**
 * How long an instance takes, as a moving average that weighs by age (EWMA) and jumps up at once when an answer took longer
 * (after Finagle's peak EWMA): a slow instance is noticed with its first slow answer and trusted again little by little.
 */
export class Latency {
  #ms = 0;
  #atMs = 0;

  /** Milliseconds; 0 while nothing is known, so that a new instance gets its share. */
  get ms(): number {
    return this.#ms;
  }

  /** `nowMs` is monotonic. */
  observe(tookMs: number, nowMs: number): void {
    const weight = Math.exp((this.#atMs - nowMs) / memoryMs);
    this.#ms = tookMs > this.#ms ? tookMs : this.#ms * weight + tookMs * (1 - weight);
    this.#atMs = nowMs;
  }
}
