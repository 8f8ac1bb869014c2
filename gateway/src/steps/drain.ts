import type { ServerResponse } from 'node:http';
import type { RequestHandler } from 'express';

/** Lets the gateway leave without breaking off what can still end by itself. */
export class Drain {
  readonly #open = new Set<ServerResponse>();
  #draining = false;

  /** While draining, clients are told to take another connection for their next request. */
  readonly step: RequestHandler = (_request, response, next) => {
    this.#open.add(response);
    response.once('close', () => this.#open.delete(response));
    if (this.#draining) response.shouldKeepAlive = false;
    next();
  };

  get draining(): boolean {
    return this.#draining;
  }

  /** From now on connections close after their answer. Event streams, which never end by themselves, end here. */
  begin(): void {
    this.#draining = true;
    for (const response of this.#open) {
      if (!response.headersSent) response.shouldKeepAlive = false;
      else if (String(response.getHeader('content-type')).startsWith('text/event-stream')) response.end();
    }
  }
}
