import type { ConsistencyVerdict } from '@grapevine/shared/cluster-client/consistency-report.ts';

/** What the cluster and its gateway did in one interval; `null` where nobody said, or nothing happened. */
export interface Figures {
  /** End of the interval, in milliseconds since 1970. */
  readonly atMs: number;
  readonly verdict: ConsistencyVerdict | null;
  readonly publishedPerSecond: number | null;
  /** From the publish to the flush at the other nodes, in milliseconds: half of the messages took less. */
  readonly convergenceMs: number | null;
  /** The same for 99 of 100. */
  readonly convergenceHighMs: number | null;
  /** Bytes of datagrams that all nodes together sent. */
  readonly gossipBytesPerSecond: number | null;
  /** Of the segments that arrived, those that were there already: 0 to 1. */
  readonly duplicateShare: number | null;
  /** Answers to pulls that all nodes together got. */
  readonly pullsPerSecond: number | null;
  readonly gateway: GatewayFigures | null;
}

export interface GatewayFigures {
  readonly requests: readonly RequestRate[];
  readonly p50Ms: number | null;
  readonly p90Ms: number | null;
  readonly p99Ms: number | null;
  readonly breakers: readonly Breaker[];
  /** Requests that a rate refused. */
  readonly limitedPerSecond: number;
  /** Requests that were turned away because of load. */
  readonly shedPerSecond: number;
  /** Of the requests on routes with a cache, those that it answered: 0 to 1. */
  readonly cacheHitShare: number | null;
}

export interface RequestRate {
  readonly route: string;
  /** Such as `2xx`. */
  readonly status: string;
  readonly perSecond: number;
}

export interface Breaker {
  readonly upstream: string;
  readonly target: string;
  readonly state: 'closed' | 'half-open' | 'open';
}

/** Between two samples, in milliseconds: a scrape costs a node about a millisecond. */
export const sampleMs = 5_000;
/** A quarter of an hour: what an operator looks back at before turning to Prometheus. About 1 KiB each. */
const maxSamples = 180;

/** The last samples, oldest first. */
export class FigureRing {
  readonly #samples: Figures[] = [];

  add(sample: Figures): void {
    this.#samples.push(sample);
    if (this.#samples.length > maxSamples) this.#samples.shift();
  }

  /** Those whose interval ended after `sinceMs`. */
  since(sinceMs: number): readonly Figures[] {
    return this.#samples.filter(({ atMs }) => atMs > sinceMs);
  }
}
