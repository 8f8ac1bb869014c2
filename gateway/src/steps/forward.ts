import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { Clock } from '@grapevine/shared/clock.ts';
import { costHeader } from '@grapevine/shared/http/cost-header.ts';
import type { EdgeRequest, Step } from '../request-context.ts';
import { deliverAnswer } from '../upstreams/deliver-answer.ts';
import { ClientGone } from '../upstreams/failures.ts';
import { returnedHeaders } from '../upstreams/forwarded-headers.ts';
import type { Forwarder } from '../upstreams/forwarder.ts';
import { takeBody } from '../upstreams/request-body.ts';

/** Carries the request to an instance of its route's upstream, vouching for the caller, and the answer to the client. */
export function forward(forwarder: Forwarder, clock: Clock): Step {
  return async (request, response) => {
    const { context } = request;
    if (request.socket.destroyed) return;
    const startedMs = clock.monotonicMs();
    try {
      const body = await takeBody(request, context.maxBodyBytes);
      const onInterim = (status: number, headers: IncomingHttpHeaders): void =>
        informClient(request, response, status, headers);
      const { exchange, answer: coming } = forwarder.begin(request, body, onInterim, startedMs);
      context.whenOver.push(() => exchange.leave());
      context.tried = exchange.tried;
      const answer = await coming;
      const cost = costOf(answer.headers);
      if (cost > 0) await context.chargeCost?.(cost);
      deliverAnswer(answer, request, response);
    } catch (error) {
      if (!(error instanceof ClientGone)) throw error;
    }
  };
}

/** What the upstream says that the request cost; 0 if it says nothing. */
function costOf({ [costHeader]: text }: IncomingHttpHeaders): number {
  return typeof text === 'string' && /^\d{1,9}$/.test(text) ? Number(text) : 0;
}

/** HTTP/1.0 has no interim answers (RFC 9110 section 15.2). */
function informClient(
  request: EdgeRequest,
  response: ServerResponse,
  status: number,
  headers: IncomingHttpHeaders,
): void {
  if (request.httpVersionMinor > 0 && !response.headersSent) {
    response.writeInformation(status, returnedHeaders(headers, []));
  }
}
