import type { ServerResponse } from 'node:http';
import type { EdgeRequest, Step } from '../request-context.ts';

/** Lets the gateway leave without breaking off what can still end by itself. */
export class Drain {
  readonly #open = new Map<ServerResponse, EdgeRequest>();
  #draining = false;

  /** While draining, clients are told to take another connection for their next request. */
  readonly step: Step = (request, response, next) => {
    this.#open.set(response, request);
    response.once('close', () => this.#open.delete(response));
    if (this.#draining) response.shouldKeepAlive = false;
    next();
  };

  get draining(): boolean {
    return this.#draining;
  }

  /** Breaks off what is still open. */
  cut(): void {
    for (const { socket } of this.#open.values()) socket.destroy();
  }

  /** From now on connections close after their answer. Streams that would never end by themselves are told to. */
  begin(): void {
    this.#draining = true;
    for (const [response, { context }] of this.#open) {
      if (context.goodbye !== undefined) context.goodbye();
      else if (!response.headersSent) response.shouldKeepAlive = false;
    }
  }
}
