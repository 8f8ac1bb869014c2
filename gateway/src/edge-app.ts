import { ServerResponse } from 'node:http';
import express, { type RequestHandler } from 'express';
import type { Generation } from './generation.ts';
import { EdgeRequest, type Step } from './request-context.ts';

/** The answer to a request to the gateway. */
export class EdgeResponse extends ServerResponse<EdgeRequest> {
  constructor(request: EdgeRequest) {
    super(request);
    // Closes once; to listen `once` would make a function of its own for each.
    this.on('close', runWhenOver);
  }
}

function runWhenOver(this: EdgeResponse): void {
  const { whenOver, generation } = this.req.context;
  for (const run of whenOver) run();
  generation?.leave();
}

// Express gives every request and response its own prototypes, which makes the engine forget what it has learnt about
// their shape. Those of our server have them from the start, so that there is nothing left to change.
Object.setPrototypeOf(EdgeRequest.prototype, express.request);
Object.setPrototypeOf(EdgeResponse.prototype, express.response);

type Refuse = (thrown: unknown, request: EdgeRequest, response: ServerResponse) => void;

/**
 * An express application of the steps of the generation in force, each of which runs if all before it passed the request on; what one of them throws,
 * now or later, goes to `refuse`. Nothing in it reads the body or the query: both belong to the upstream.
 */
export function createEdgeApp(
  inForce: () => Generation,
  refuse: Refuse,
): (request: EdgeRequest, response: ServerResponse) => void {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', false);
  Object.assign(app, { request: EdgeRequest.prototype, response: EdgeResponse.prototype });
  // Express types requests as its own; those that come here are made by our server, which makes them EdgeRequests.
  app.use(inTurnOf(inForce, refuse) as unknown as RequestHandler);
  const run = app as unknown as Step;
  return (request, response) => void run(request, response, nobodyAnswered);
}

/** One after the other in one layer of the router: a layer for each would cost more than most of the steps do. */
function inTurnOf(inForce: () => Generation, refuse: Refuse): (request: EdgeRequest, response: ServerResponse) => void {
  return (request, response) => {
    const generation = inForce();
    generation.enter();
    request.context.generation = generation;
    const { steps } = generation.parts;
    let at = 0;
    const next = (): void => {
      try {
        const later = steps[at++]?.(request, response, next);
        if (later !== undefined) later.catch((thrown: unknown) => refuse(thrown, request, response));
      } catch (thrown) {
        refuse(thrown, request, response);
      }
    };
    next();
  };
}

/** Given to Express in place of its own last handler, which it would make anew for every request. */
function nobodyAnswered(): void {
  throw new Error('the last step must answer or throw');
}
