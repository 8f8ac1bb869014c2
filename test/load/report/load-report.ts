import type { Machine } from '../../report/machine.ts';
import type { Check } from '../check-cluster.ts';
import type { Convergence } from '../convergence.ts';
import type { Fault } from '../faults.ts';
import type { KindSummary, Latencies, Slice } from '../recorder.ts';

/** A limit that was asked for. */
export interface Threshold {
  readonly name: string;
  readonly limit: number;
  readonly found: number;
  readonly met: boolean;
}

/** All that a run found out: `load-report.json`. Times in seconds from the start of the run, latencies in milliseconds. */
export interface LoadReport {
  /** When it began. */
  readonly at: string;
  readonly machine: Machine;
  readonly target: string;
  readonly scenario: string;
  /** `200 requests/s, open loop` or `20 clients, closed loop`. */
  readonly load: string;
  readonly chaos: readonly string[];
  /** How long requests were sent. */
  readonly seconds: number;
  /** Ended by Ctrl-C. */
  readonly interrupted: boolean;
  readonly succeeded: number;
  readonly failed: number;
  readonly errorRate: number;
  readonly perSecond: number;
  /** Null when no request went well, here and in each stretch of time and of each kind. */
  readonly latencyMs: Latencies | null;
  /** By how much the generator itself was late, at the 99th percentile; null in a closed loop. */
  readonly generatorLateMs: number | null;
  readonly requests: readonly KindSummary[];
  readonly errors: readonly { readonly code: string; readonly count: number }[];
  readonly sliceSeconds: number;
  readonly slices: readonly Slice[];
  readonly convergence: readonly Convergence[];
  readonly faults: readonly Fault[];
  readonly checks: readonly Check[];
  readonly thresholds: readonly Threshold[];
  readonly passed: boolean;
}
