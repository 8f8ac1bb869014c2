import { traceparentHeader } from '@grapevine/shared/tracing/trace-requests.ts';
import type { Tracing } from '@grapevine/shared/tracing/tracing.ts';
import type { Step } from '../request-context.ts';

/**
 * Makes each request a span, below that of the client if it sent one, and above those of the services behind: they, the
 * access log and the request's id get its trace. The span of an event stream or a WebSocket lasts until that closes. Does nothing
 * where nothing is traced.
 */
export function traceRequest(tracing: Tracing | undefined): Step {
  if (tracing === undefined) return (_request, _response, next) => next();
  return (request, response, next) => {
    const { context, headers, method } = request;
    const above = headers[traceparentHeader];
    const span = tracing.begin(method, 'server', typeof above === 'string' ? above : undefined, {
      'http.request.method': method,
    });
    context.traceId = span.traceId;
    headers[traceparentHeader] = span.traceparent;
    context.whenOver.push(() => {
      const { route, tried, refusal, requestId, goodbye } = context;
      const { statusCode: status } = response;
      span.end({
        name: `${method} ${route?.name ?? ''}`.trimEnd(),
        // What would never end by itself ends when its reader leaves.
        failed: status >= 500 || (!response.writableFinished && goodbye === undefined),
        attributes: {
          'http.response.status_code': status,
          'grapevine.request_id': requestId,
          'grapevine.attempts': tried.length,
          ...(route === undefined ? {} : { 'http.route': route.config.path }),
          ...(refusal === undefined ? {} : { 'error.type': refusal }),
        },
      });
    });
    next();
  };
}
