import type { Clock } from '@grapevine/shared/clock.ts';
import type { Request, RequestHandler } from 'express';
import { Gauge, Histogram, type Registry } from 'prom-client';

/** Times every request by method, route and status. Routes are patterns, so that no caller can make new series. */
export function timeRequests(registry: Registry, clock: Clock): RequestHandler {
  const seconds = new Histogram({
    name: 'grapevine_http_request_duration_seconds',
    help: 'Time from the request to the end of its answer.',
    labelNames: ['method', 'route', 'status'],
    // From a read out of the page cache to the longest wait for acks.
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers: [registry],
  });
  return (request, response, next) => {
    const startedMs = clock.monotonicMs();
    response.once('finish', () => {
      const labels = { method: request.method, route: routeOf(request), status: response.statusCode };
      seconds.observe(labels, (clock.monotonicMs() - startedMs) / 1000);
    });
    next();
  };
}

export function countStreams(registry: Registry, size: () => number): void {
  showOpen(registry, 'grapevine_node_streams', 'Event streams that are open.', size);
}

export function countFollowers(registry: Registry, size: () => number): void {
  showOpen(registry, 'grapevine_node_change_followers', 'Followers of changes that are connected.', size);
}

export function countSegmentStreams(registry: Registry, size: () => number): void {
  showOpen(registry, 'grapevine_node_segment_streams', 'Streams of segments to other nodes that are open.', size);
}

function showOpen(registry: Registry, name: string, help: string, size: () => number): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      this.set(size());
    },
  });
}

function routeOf(request: Request): string {
  const route: unknown = request.route;
  const path = (route as { path?: unknown } | undefined)?.path;
  return typeof path === 'string' ? path : 'none';
}
