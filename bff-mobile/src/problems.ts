import { GrapevineError, toGrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { requestIdOf, sendProblem } from '@grapevine/shared/http/problem-handler.ts';
import type { ErrorRequestHandler, RequestHandler } from 'express';
import type { Logger } from 'pino';

/** What no resource answered. */
export const noSuchPath: RequestHandler = (request) => {
  throw new GrapevineError('NOT_FOUND', `There is nothing at ${request.path}.`);
};

/** Turns whatever a handler threw into a problem document. What is not the client's doing goes to the log with its cause. */
export function answerProblems(log: Logger): ErrorRequestHandler {
  return (thrown: unknown, request, response, _next) => {
    const cutOff = response.headersSent;
    const clientIsGone = request.socket.destroyed;
    sendProblem(request, response, thrown);
    if (clientIsGone || (response.statusCode < 500 && !cutOff)) return;
    const { code } = toGrapevineError(thrown);
    log[code === 'INTERNAL' ? 'error' : 'warn']({ err: thrown, code, requestId: requestIdOf(request) }, 'failed');
  };
}
