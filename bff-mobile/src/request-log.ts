import type { Clock } from '@grapevine/shared/clock.ts';
import { requestIdOf } from '@grapevine/shared/http/problem-handler.ts';
import type { RequestHandler } from 'express';
import type { Logger } from 'pino';
import { Histogram, type Registry } from 'prom-client';

/** From an answer out of memory to the longest wait that a publish may ask for. */
const secondsBuckets = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** One log line and one observation per request, once its answer has gone out or its client has gone away (`aborted`). */
export function logRequests(log: Logger, clock: Clock, registry: Registry): RequestHandler {
  const seconds = new Histogram({
    name: 'grapevine_http_request_duration_seconds',
    help: 'Time from the request line to the end of the answer, by route.',
    labelNames: ['method', 'route', 'status'] as const,
    buckets: secondsBuckets,
    registers: [registry],
  });
  return (request, response, next) => {
    const startedMs = clock.monotonicMs();
    response.once('close', () => {
      const ms = clock.monotonicMs() - startedMs;
      const status = response.writableFinished ? response.statusCode : 'aborted';
      // Templates such as /messages/:id: paths as clients send them would make a new series each.
      const route = typeof request.route?.path === 'string' ? request.route.path : 'none';
      seconds.observe({ method: request.method, route, status: String(status) }, ms / 1_000);
      log.info(
        {
          requestId: requestIdOf(request),
          method: request.method,
          path: request.originalUrl,
          status,
          ms: Math.round(ms * 1_000) / 1_000,
          principal: response.locals['principal'],
        },
        'request',
      );
    });
    next();
  };
}
