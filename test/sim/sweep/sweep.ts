import { Worker } from 'node:worker_threads';
import type { SetFullCounts } from '../check/set-full.ts';
import { situations } from '../check/situations.ts';
import type { PlanWishes } from '../plan/draw-plan.ts';
import type { Failure, Outcome } from './outcome.ts';

/** What a worker is told. */
export interface SeedTask {
  readonly seed: number;
  readonly wishes: PlanWishes;
}

/** What a worker answers. */
export interface SeedOutcome {
  readonly seed: number;
  readonly outcome: Outcome;
}

export interface SweepOptions {
  /** The first seed; the others follow it. */
  readonly from: number;
  readonly count: number;
  readonly wishes: PlanWishes;
  /** Threads. */
  readonly jobs: number;
  /** Ends the sweep early; what was found so far is answered. */
  readonly signal?: AbortSignal;
  /** Called after each seed. */
  readonly onProgress?: (progress: SweepSummary) => void;
}

export interface SweepSummary {
  readonly count: number;
  readonly done: number;
  readonly failures: readonly ({ readonly seed: number } & Failure)[];
  /** Times that each situation was reached, over all seeds. */
  readonly situations: ReadonlyMap<string, number>;
  readonly acknowledged: number;
  /** How the messages fared, over all seeds that came to their end. */
  readonly messages: SetFullCounts;
  readonly datagrams: number;
  readonly simulatedMs: number;
  /** Longest time from the end of the faults until all agreed. */
  readonly slowestMs: number;
  /** Over the traces of all seeds in order: equal on every machine, with any number of threads. */
  readonly traceHashes: ReadonlyMap<number, string>;
}

/** Runs many seeds on several threads. Rejects only when a thread itself breaks. */
export async function sweep(options: SweepOptions): Promise<SweepSummary> {
  const { from, count, wishes, jobs, signal, onProgress } = options;
  const tally = new Tally(count);
  let next = from;
  const run = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const worker = new Worker(new URL('./sweep-worker.ts', import.meta.url));
      const finish = (): void => {
        signal?.removeEventListener('abort', finish);
        worker.terminate().then(() => resolve(), reject);
      };
      const give = (): void => {
        if (next >= from + count || signal?.aborted === true) finish();
        else worker.postMessage({ seed: next++, wishes } satisfies SeedTask);
      };
      signal?.addEventListener('abort', finish, { once: true });
      worker.on('error', reject);
      worker.on('message', ({ seed, outcome }: SeedOutcome) => {
        tally.add(seed, outcome);
        onProgress?.(tally);
        give();
      });
      give();
    });
  await Promise.all(Array.from({ length: Math.min(jobs, count) }, run));
  return tally;
}

/** Situations that no seed got into. */
export function neverReached(summary: SweepSummary): string[] {
  return Object.keys(situations).filter((situation) => !summary.situations.has(situation));
}

class Tally implements SweepSummary {
  readonly count: number;
  readonly failures: ({ readonly seed: number } & Failure)[] = [];
  readonly situations = new Map<string, number>();
  readonly traceHashes = new Map<number, string>();
  done = 0;
  acknowledged = 0;
  messages: SetFullCounts = { stable: 0, stale: 0, lost: 0, neverRead: 0, stalestMs: 0 };
  datagrams = 0;
  simulatedMs = 0;
  slowestMs = 0;

  constructor(count: number) {
    this.count = count;
  }

  add(seed: number, outcome: Outcome): void {
    this.done++;
    this.acknowledged += outcome.acknowledged;
    if (outcome.messages !== undefined) this.messages = added(this.messages, outcome.messages);
    this.datagrams += outcome.datagrams;
    this.simulatedMs += outcome.simulatedMs;
    this.slowestMs = Math.max(this.slowestMs, outcome.convergenceMs);
    this.traceHashes.set(seed, outcome.traceHash);
    for (const [situation, times] of Object.entries(outcome.situations)) {
      this.situations.set(situation, (this.situations.get(situation) ?? 0) + times);
    }
    if (outcome.failure !== undefined) this.failures.push({ seed, ...outcome.failure });
  }
}

function added(a: SetFullCounts, b: SetFullCounts): SetFullCounts {
  return {
    stable: a.stable + b.stable,
    stale: a.stale + b.stale,
    lost: a.lost + b.lost,
    neverRead: a.neverRead + b.neverRead,
    stalestMs: Math.max(a.stalestMs, b.stalestMs),
  };
}
