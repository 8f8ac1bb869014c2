import type { Clock } from '../clock.ts';

/** First time out after a failure, in milliseconds; doubled by each further failure in a row. */
const firstSkipMs = 100;
/** Longest time out. A node that is back waits at most this long for its first call, and a hung one costs one slow call per period. */
const longestSkipMs = 5_000;
/** Weight of the newest latency in the moving average: about the last ten calls count. */
const latencyWeight = 0.2;
/** An old latency loses half of its weight in this time, so that a node that was slow once is tried again. */
const latencyHalfLifeMs = 2_000;

/** What one client remembers of one node: calls in flight, how fast it answered, whether it failed. */
export class NodeHealth {
  readonly #clock: Clock;
  #inFlight = 0;
  #failuresInARow = 0;
  #failingSinceMs = 0;
  #skipUntilMs = 0;
  #connected = false;
  #latencyMs = 0;
  #measuredAtMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  begin(): void {
    this.#inFlight++;
  }

  end(): void {
    this.#inFlight--;
  }

  /** A call that the node answered well enough, whatever it said; `latencyMs` when it was the node's own time. */
  succeeded(latencyMs?: number): void {
    this.#failuresInARow = 0;
    if (latencyMs === undefined) return;
    // The first call also pays for the connection: held against the node, it would keep calls away that would show better.
    if (!this.#connected) {
      this.#connected = true;
      return;
    }
    const old = this.#currentLatency();
    this.#latencyMs = old === 0 ? latencyMs : old + latencyWeight * (latencyMs - old);
    this.#measuredAtMs = this.#clock.monotonicMs();
  }

  failed(): void {
    const nowMs = this.#clock.monotonicMs();
    if (this.#failuresInARow === 0) this.#failingSinceMs = nowMs;
    this.#failuresInARow++;
    const skipMs = Math.min(firstSkipMs * 2 ** (this.#failuresInARow - 1), longestSkipMs);
    this.#skipUntilMs = nowMs + skipMs;
  }

  /** Since the first failure that no success has followed, in milliseconds; 0 when the last call was answered. */
  get failingForMs(): number {
    return this.#failuresInARow === 0 ? 0 : this.#clock.monotonicMs() - this.#failingSinceMs;
  }

  /** Whether the node should get calls while others can take them. After a time out it gets one at a time until one succeeds. */
  get usable(): boolean {
    if (this.#failuresInARow === 0) return true;
    return this.#clock.monotonicMs() >= this.#skipUntilMs && this.#inFlight === 0;
  }

  /** The smaller, the sooner this node is likely to answer one more call. */
  get load(): number {
    return (this.#inFlight + 1) * (1 + this.#currentLatency());
  }

  #currentLatency(): number {
    const age = this.#clock.monotonicMs() - this.#measuredAtMs;
    return this.#latencyMs * 2 ** (-age / latencyHalfLifeMs);
  }
}
