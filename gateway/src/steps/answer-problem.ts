import type { ServerResponse } from 'node:http';
import { toGrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { sendProblem } from '@grapevine/shared/http/problem-handler.ts';
import type { Logger } from 'pino';
import type { EdgeRequest } from '../request-context.ts';

/** Turns whatever a step threw into a problem document. What was not meant for clients is logged with its cause. */
export function answerProblem(log: Logger): (thrown: unknown, request: EdgeRequest, response: ServerResponse) => void {
  return (thrown, request, response) => {
    const error = toGrapevineError(thrown);
    const { context } = request;
    context.refusal = error.code;
    if (error.status >= 500) {
      const level = error.code === 'INTERNAL' ? 'error' : 'warn';
      log[level](
        { requestId: context.requestId, upstream: context.tried.at(-1)?.url, code: error.code, err: error.cause },
        error.message,
      );
    }
    sendProblem(request, response, error, context.answerHeaders);
  };
}
