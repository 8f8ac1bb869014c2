import { type Buckets, bucketGrowth, type Exposition, growth, joinBuckets, quantile } from './exposition.ts';
import type { Figures } from './figures.ts';

/** One node's answer. */
export interface NodeScrape {
  readonly node: string;
  readonly exposed: Exposition;
}

type NodeFigures = Omit<Figures, 'atMs' | 'verdict' | 'gateway'>;

const silence: NodeFigures = {
  publishedPerSecond: null,
  convergenceMs: null,
  convergenceHighMs: null,
  gossipBytesPerSecond: null,
  duplicateShare: null,
  pullsPerSecond: null,
};

/** What nodes did between two scrapes that are `seconds` apart. A node that answered only one of them is left out. */
export function nodeFigures(before: readonly NodeScrape[], now: readonly NodeScrape[], seconds: number): NodeFigures {
  const pairs = now.flatMap(({ node, exposed }) => {
    const earlier = before.find((scrape) => scrape.node === node)?.exposed;
    return earlier === undefined ? [] : [{ earlier, later: exposed }];
  });
  if (pairs.length === 0) return silence;
  const grown = (name: string, label?: string, value?: string): number =>
    pairs.reduce(
      (total, { earlier, later }) => total + growth(earlier.sum(name, label, value), later.sum(name, label, value)),
      0,
    );
  const received = grown('grapevine_segments_received_total');
  const arrivals = pairs
    .map(({ earlier, later }) => bucketGrowth(earlier.buckets(arrivalSeconds), later.buckets(arrivalSeconds)))
    .reduce(joinBuckets, new Map() as Buckets);
  return {
    // Every node ends up with every message: what the busiest one took in is what was published.
    publishedPerSecond:
      Math.max(
        ...pairs.map(({ earlier, later }) =>
          Math.max(0, later.sum('grapevine_messages') - earlier.sum('grapevine_messages')),
        ),
      ) / seconds,
    convergenceMs: inMs(quantile(arrivals, 0.5)),
    convergenceHighMs: inMs(quantile(arrivals, 0.99)),
    gossipBytesPerSecond: grown('grapevine_udp_sent_bytes_total') / seconds,
    duplicateShare: received === 0 ? null : Math.min(1, grown('grapevine_segments_known_total') / received),
    pullsPerSecond: grown('grapevine_datagrams_received_total', 'type', 'pull-response') / seconds,
  };
}

const arrivalSeconds = 'grapevine_arrival_seconds';

const inMs = (seconds: number | null): number | null => (seconds === null ? null : seconds * 1_000);
