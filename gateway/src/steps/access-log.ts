import type { Clock } from '@grapevine/shared/clock.ts';
import type { Logger } from 'pino';
import type { GatewayMetrics } from '../gateway-metrics.ts';
import type { Step } from '../request-context.ts';
import { pathOf } from '../routes/request-target.ts';

/** Longest path that is logged. The query is not: it can hold what nobody should read in a log. */
const loggedPathLength = 512;

/** One line and one measurement per request, when its connection is done with it. */
export function accessLog(log: Logger, metrics: GatewayMetrics, clock: Clock): Step {
  return (request, response, next) => {
    const startedMs = clock.monotonicMs();
    const path = pathOf(request.url).slice(0, loggedPathLength);
    const { socket } = request;
    const bytesBefore = socket.bytesWritten;
    metrics.inFlight.inc();
    response.once('close', () => {
      const ms = clock.monotonicMs() - startedMs;
      const { requestId, identity, route, upstream, refusal } = request.context;
      // 499 as nginx has it: there was no answer because the client did not wait for one.
      const status = response.headersSent ? response.statusCode : 499;
      metrics.inFlight.dec();
      metrics.observe(route?.name, status, ms, refusal);
      log.info(
        {
          requestId,
          traceparent: request.headers['traceparent'],
          method: request.method,
          path,
          status,
          complete: response.writableFinished,
          code: refusal,
          ms: Math.round(ms * 1_000) / 1_000,
          principal: identity?.subject,
          route: route?.name,
          upstream,
          bytes: socket.bytesWritten - bytesBefore,
        },
        'request',
      );
    });
    next();
  };
}
