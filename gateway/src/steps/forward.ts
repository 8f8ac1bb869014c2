import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { Clock } from '@grapevine/shared/clock.ts';
import { costHeader } from '@grapevine/shared/http/cost-header.ts';
import type { IdentitySigner } from '@grapevine/shared/identity/identity.ts';
import type { EdgeRequest, Step } from '../request-context.ts';
import { deliverAnswer } from '../upstreams/deliver-answer.ts';
import { Exchange } from '../upstreams/exchange.ts';
import { ClientGone } from '../upstreams/failures.ts';
import { forwardedHeaders, returnedHeaders } from '../upstreams/forwarded-headers.ts';
import { takeBody } from '../upstreams/request-body.ts';
import type { UpstreamPool } from '../upstreams/upstream-pool.ts';

export interface ForwardTimes {
  /** Longest time without any sign of life before and inside an answer, in milliseconds; routes may have their own. */
  readonly upstreamTimeoutMs: number;
  /** For all attempts together until the answer begins; routes may have their own. */
  readonly deadlineMs: number;
}

/** Carries the request to an instance of its route's upstream, vouching for the caller, and the answer to the client. */
export function forward(upstreams: UpstreamPool, signer: IdentitySigner, times: ForwardTimes, clock: Clock): Step {
  return async (request, response) => {
    const { context, method, url } = request;
    const { route } = context;
    if (route?.upstream === undefined) throw new Error('forwarding needs a route');
    if (request.socket.destroyed) return;
    const startedMs = clock.monotonicMs();
    const identity = context.identity === undefined ? undefined : signer.sign(context.identity);
    try {
      const exchange = new Exchange({
        engine: route.engine,
        method,
        path: route.targetFor(url),
        headers: forwardedHeaders(request, context, identity),
        body: await takeBody(request, context.maxBodyBytes),
        upgrade: context.upgrade !== undefined,
        silenceMs: route.config.timeoutMs ?? times.upstreamTimeoutMs,
        deadlineMs: startedMs + (route.config.deadlineMs ?? times.deadlineMs),
        hedgeAfterMs: route.config.hedgeAfterMs,
        onInterim: (status, headers) => informClient(request, response, status, headers),
      });
      context.whenOver.push(() => exchange.leave());
      context.tried = exchange.tried;
      const answer = await upstreams.group(route.upstream).carry(exchange);
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
