import type { Clock } from '@grapevine/shared/clock.ts';
import { LogLines, msMember, pathMember, textMember } from '@grapevine/shared/log-lines.ts';
import type { Logger } from 'pino';
import type { GatewayMetrics } from '../gateway-metrics.ts';
import type { RequestContext, Step } from '../request-context.ts';

/** One line and one measurement per request, when its connection is done with it. */
export function accessLog(log: Logger, metrics: GatewayMetrics, clock: Clock): Step {
  const lines = new LogLines(log, clock);
  return (request, response, next) => {
    const startedMs = clock.monotonicMs();
    const { socket, context } = request;
    const bytesBefore = socket.bytesWritten;
    metrics.inFlight++;
    context.whenOver.push(() => {
      const ms = clock.monotonicMs() - startedMs;
      const { route, refusal } = context;
      // 499 as nginx has it: there was no answer because the client did not wait for one.
      const status = response.headersSent ? response.statusCode : 499;
      metrics.inFlight--;
      metrics.observe(context, status, ms);
      if (!lines.enabled) return;
      lines.print(
        `,"requestId":"${context.requestId}"` +
          textMember('traceparent', request.headers['traceparent']) +
          // The parser knows methods by their names, and takes no other.
          `,"method":"${request.method}"` +
          pathMember(request.url) +
          `,"status":${status},"complete":${response.writableFinished}` +
          textMember('code', refusal) +
          msMember('ms', ms) +
          textMember('principal', context.identity?.subject) +
          textMember('route', route?.name) +
          textMember('upstream', context.tried.at(-1)?.url) +
          `,"attempts":${context.tried.length}` +
          (context.cache === undefined ? '' : `,"cache":"${context.cache}"`) +
          upstreamMs(context, startedMs + ms) +
          `,"bytes":${socket.bytesWritten - bytesBefore}`,
        'request',
      );
    });
    next();
  };
}

/** How long the upstream took, in all attempts together, until its answer began or nobody waited any more. */
function upstreamMs({ sentMs, answeredMs }: RequestContext, overMs: number): string {
  return sentMs === undefined ? '' : msMember('upstreamMs', (answeredMs ?? overMs) - sentMs);
}
