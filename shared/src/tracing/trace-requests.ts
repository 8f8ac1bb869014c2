import type { IncomingMessage, ServerResponse } from 'node:http';
import { within } from './current-span.ts';
import type { Tracing } from './tracing.ts';

/** Carries a trace from one process to the next (W3C Trace Context). */
export const traceparentHeader = 'traceparent';

/**
 * A handler in front of others that makes each request a span below that of whoever asks. Traces begin at the gateway: what
 * comes without one is what our own processes ask of each other.
 */
export function traceRequests(
  tracing: Tracing | undefined,
): (request: IncomingMessage, response: ServerResponse, next: () => void) => void {
  if (tracing === undefined) return (_request, _response, next) => next();
  return (request, response, next) => {
    const { method = '', headers } = request;
    const above = headers[traceparentHeader];
    if (typeof above !== 'string') {
      next();
      return;
    }
    const span = tracing.begin(method, 'server', above, { 'http.request.method': method });
    response.once('close', () => {
      const { statusCode: status } = response;
      // What Express matched: a path would make a name of its own of every message.
      const route = (request as { readonly route?: { readonly path?: unknown } }).route?.path;
      span.end({
        ...(typeof route === 'string' ? { name: `${method} ${route}` } : {}),
        // Whoever reads a stream leaves in the middle of it; what breaks off for a reason of ours has an error.
        failed: status >= 500 || !response.headersSent || response.errored !== null,
        attributes: { 'http.response.status_code': status },
      });
    });
    within(tracing, span, next);
  };
}
