import type { ServerResponse } from 'node:http';
import type { RequestHandler } from 'express';

/**
 * The event streams that are open. On a stop they are cut rather than completed: a completed subscription says that there
 * is no more to come, a cut one makes the client resume elsewhere from its last token.
 */
export class OpenStreams {
  readonly #responses = new Set<ServerResponse>();

  readonly watch: RequestHandler = (_request, response, next) => {
    this.#responses.add(response);
    response.once('close', () => this.#responses.delete(response));
    next();
  };

  cut(): void {
    for (const response of this.#responses) {
      const type = String(response.getHeader('content-type') ?? '');
      if (type.startsWith('text/event-stream')) response.destroy();
    }
  }
}
