import type { Clock } from '@grapevine/shared/clock.ts';
import { hlcMs } from '@grapevine/shared/log/hlc.ts';
import { Histogram, type Registry } from 'prom-client';
import type { CheckedSegment } from './store/log-store.ts';

/** Seconds, from what loopback takes to where a node is no more late but away. */
const buckets = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30];

/** Times how long segments of other nodes take from their publish to the disk of this one, by the clocks of both. */
export function timeArrivals(
  registry: Registry,
  clock: Clock,
  ownOrigin: string,
): (segments: readonly CheckedSegment[]) => void {
  const seconds = new Histogram({
    name: 'grapevine_arrival_seconds',
    help: "Time from the last publish in another node's segment to its flush here, by the clocks of both machines.",
    buckets,
    registers: [registry],
  });
  return (segments) => {
    const nowMs = clock.wallMs();
    for (const { head } of segments.map(({ segment }) => segment)) {
      if (head.origin !== ownOrigin) seconds.observe(Math.max(0, nowMs - hlcMs(head.hlc)) / 1_000);
    }
  };
}
