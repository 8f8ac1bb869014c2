import type { Now } from '@grapevine/cluster-node/core/ports.ts';

/** Wall clocks read this when a simulation begins. */
const startWallMs = 1_700_000_000_000;
/** A process's monotonic clock does not start at 0, nor where those of others do. */
const firstMonotonicMs = 1_000;

/** One node's clocks: the wall clock may be wrong and jump, the monotonic one starts anew with each process. */
export class NodeClock {
  readonly #simulatedMs: () => number;
  #startedMs = 0;
  /** How far the wall clock is ahead of the true time. */
  offsetMs = 0;

  constructor(simulatedMs: () => number) {
    this.#simulatedMs = simulatedMs;
  }

  /** A new process starts. */
  start(): void {
    this.#startedMs = this.#simulatedMs();
  }

  now(): Now {
    const simulatedMs = this.#simulatedMs();
    return { wallMs: this.wallMs(), monotonicMs: simulatedMs - this.#startedMs + firstMonotonicMs };
  }

  wallMs(): number {
    return startWallMs + Math.floor(this.#simulatedMs()) + this.offsetMs;
  }

  /** Simulated time at which the monotonic clock reads so. */
  simulatedMsAt(monotonicMs: number): number {
    return monotonicMs - firstMonotonicMs + this.#startedMs;
  }
}
