import type { Clock } from '@grapevine/shared/clock.ts';
import { RequestLog } from '@grapevine/shared/http/request-log.ts';
import type { RequestHandler } from 'express';
import type { Logger } from 'pino';
import { Histogram, type Registry } from 'prom-client';

/** From an answer out of memory to the longest wait that a publish may ask for. */
const secondsBuckets = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** One log line and one observation per request, when it is over. */
export function observeRequests(log: Logger, clock: Clock, registry: Registry): RequestHandler {
  const seconds = new Histogram({
    name: 'grapevine_http_request_duration_seconds',
    help: 'Time from the request line to the end of the answer, by route.',
    labelNames: ['method', 'route', 'status'] as const,
    buckets: secondsBuckets,
    registers: [registry],
  });
  const requests = new RequestLog(log, clock);
  return (request, response, next) => {
    requests.watch(request, response, (status, ms) => {
      // Templates such as /messages/:id: paths as clients send them would make a new series each.
      const route = typeof request.route?.path === 'string' ? request.route.path : 'none';
      seconds.observe({ method: request.method, route, status }, ms / 1_000);
      return response.locals['principal'] as string | undefined;
    });
    next();
  };
}
