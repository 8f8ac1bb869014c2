import { ServerResponse } from 'node:http';
import express, { type ErrorRequestHandler, type RequestHandler } from 'express';
import { EdgeRequest, type Step } from './request-context.ts';

/** The answer to a request to the gateway. */
export class EdgeResponse extends ServerResponse<EdgeRequest> {}

// Express gives every request and response its own prototypes, which makes the engine forget what it has learnt about
// their shape. Those of our server have them from the start, so that there is nothing left to change.
Object.setPrototypeOf(EdgeRequest.prototype, express.request);
Object.setPrototypeOf(EdgeResponse.prototype, express.response);

/**
 * An express application of `steps`, each of which runs if all before it passed the request on; what one of them throws,
 * now or later, goes to `refuse`. Nothing in it reads the body or the query: both belong to the upstream.
 */
export function createEdgeApp(
  steps: readonly Step[],
  refuse: (thrown: unknown, request: EdgeRequest, response: ServerResponse) => void,
): (request: EdgeRequest, response: ServerResponse) => void {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', false);
  Object.assign(app, { request: EdgeRequest.prototype, response: EdgeResponse.prototype });
  // Express types requests as its own; those that come here are made by our server, which makes them EdgeRequests.
  for (const step of steps) app.use(step as unknown as RequestHandler);
  // Express tells error handlers by their four parameters.
  const last = (thrown: unknown, request: EdgeRequest, response: ServerResponse, _next: unknown): void =>
    refuse(thrown, request, response);
  app.use(last as unknown as ErrorRequestHandler);
  const run = app as unknown as Step;
  return (request, response) => void run(request, response, nobodyAnswered);
}

/** Given to Express in place of its own last handler, which it would make anew for every request. */
function nobodyAnswered(): void {
  throw new Error('the last step must answer or throw');
}
