import type { ServerResponse } from 'node:http';
import { Opened, OpenList } from '../open-list.ts';
import type { EdgeRequest, Step } from '../request-context.ts';

class OpenRequest extends Opened {
  readonly request: EdgeRequest;
  readonly response: ServerResponse;

  constructor(request: EdgeRequest, response: ServerResponse) {
    super();
    this.request = request;
    this.response = response;
  }
}

/** Lets the gateway leave without breaking off what can still end by itself. */
export class Drain {
  readonly #open = new OpenList<OpenRequest>();
  #draining = false;

  /** While draining, clients are told to take another connection for their next request. */
  readonly step: Step = (request, response, next) => {
    const open = new OpenRequest(request, response);
    this.#open.add(open);
    request.context.whenOver.push(() => this.#open.delete(open));
    if (this.#draining) response.shouldKeepAlive = false;
    next();
  };

  get draining(): boolean {
    return this.#draining;
  }

  /** Requests and streams that are open now. */
  get open(): number {
    return this.#open.size;
  }

  /** Breaks off what is still open. */
  cut(): void {
    for (const { request } of this.#open) request.socket.destroy();
  }

  /** From now on connections close after their answer. Streams that would never end by themselves are told to. */
  begin(): void {
    this.#draining = true;
    for (const { request, response } of this.#open) {
      if (request.context.goodbye !== undefined) request.context.goodbye();
      else if (!response.headersSent) response.shouldKeepAlive = false;
    }
  }
}
