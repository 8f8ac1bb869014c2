import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import type { Outcome } from './exchange.ts';

/** Latencies in milliseconds, of requests that went well. */
export interface Latencies {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

/** What happened in one stretch of time. */
export interface Slice {
  /** When it began, in seconds from the start of the run. */
  readonly at: number;
  readonly succeeded: number;
  readonly failures: Readonly<Record<string, number>>;
  readonly latencyMs: Latencies | null;
}

export interface KindSummary {
  readonly name: string;
  readonly succeeded: number;
  readonly failed: number;
  readonly latencyMs: Latencies | null;
}

/** Stretches that a run is cut into, at most: as many points as a plot can show. */
const maxSlices = 300;
/** Latencies are counted in whole microseconds up to two minutes, which nothing takes. */
const highestMicroseconds = 120_000_000;

class Tally {
  readonly #latencies: RecordableHistogram;
  readonly failures: Record<string, number> = {};
  succeeded = 0;

  /** `figures` that a latency keeps: three take 300 KB, two a tenth of that. */
  constructor(figures: 2 | 3) {
    this.#latencies = createHistogram({ lowest: 1, highest: highestMicroseconds, figures });
  }

  add({ latencyMs, failure }: Outcome): void {
    if (failure !== undefined) {
      this.failures[failure] = (this.failures[failure] ?? 0) + 1;
      return;
    }
    this.succeeded++;
    this.#latencies.record(Math.min(highestMicroseconds, Math.max(1, Math.round(latencyMs * 1_000))));
  }

  get failed(): number {
    return Object.values(this.failures).reduce((sum, count) => sum + count, 0);
  }

  /** Null when no request went well: a number would make an outage look quick. */
  get latencyMs(): Latencies | null {
    if (this.succeeded === 0) return null;
    const at = (percentile: number): number => this.#latencies.percentile(percentile) / 1_000;
    return { p50: at(50), p90: at(90), p99: at(99), p999: at(99.9), max: at(100) };
  }
}

/** Counts how requests end: all together, of each kind, and in each stretch of time. */
export class Recorder {
  readonly #startedMs: number;
  readonly sliceSeconds: number;
  readonly #all = new Tally(3);
  readonly #kinds = new Map<string, Tally>();
  readonly #slices: Tally[] = [];

  /** `startedMs` of the monotonic clock. */
  constructor(startedMs: number, seconds: number) {
    this.#startedMs = startedMs;
    this.sliceSeconds = Math.max(1, Math.ceil(seconds / maxSlices));
  }

  add(outcome: Outcome): void {
    this.#all.add(outcome);
    const kind = this.#kinds.get(outcome.name) ?? new Tally(3);
    this.#kinds.set(outcome.name, kind);
    kind.add(outcome);
    const number = Math.max(0, Math.floor((outcome.endedMs - this.#startedMs) / 1_000 / this.sliceSeconds));
    while (this.#slices.length <= number) this.#slices.push(new Tally(2));
    this.#slices[number]?.add(outcome);
  }

  get succeeded(): number {
    return this.#all.succeeded;
  }

  get failed(): number {
    return this.#all.failed;
  }

  get failures(): Readonly<Record<string, number>> {
    return this.#all.failures;
  }

  get latencyMs(): Latencies | null {
    return this.#all.latencyMs;
  }

  kinds(): KindSummary[] {
    return [...this.#kinds]
      .map(([name, { succeeded, failed, latencyMs }]) => ({ name, succeeded, failed, latencyMs }))
      .sort((a, b) => a.name.localeCompare(b.name));
  }

  slices(): Slice[] {
    return this.#slices.map(({ succeeded, failures, latencyMs }, i) => ({
      at: i * this.sliceSeconds,
      succeeded,
      failures,
      latencyMs,
    }));
  }
}
