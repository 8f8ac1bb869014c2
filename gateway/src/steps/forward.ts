import type { IncomingHttpHeaders } from 'node:http';
import type { Clock } from '@grapevine/shared/clock.ts';
import type { Step } from '../request-context.ts';
import { chargeCost } from '../upstreams/answer-cost.ts';
import { deliverAnswer, deliverInterim } from '../upstreams/deliver-answer.ts';
import { ClientGone } from '../upstreams/failures.ts';
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
        deliverInterim(status, headers, request, response);
      const { exchange, answer: coming } = forwarder.begin(request, body, onInterim, { startedMs });
      context.whenOver.push(() => exchange.leave());
      context.tried = exchange.tried;
      context.sentMs = clock.monotonicMs();
      const answer = await coming;
      context.answeredMs = clock.monotonicMs();
      await chargeCost(answer, context);
      context.onAnswer?.(answer);
      deliverAnswer(answer, request, response);
    } catch (error) {
      if (!(error instanceof ClientGone)) throw error;
    }
  };
}
