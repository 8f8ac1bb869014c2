import type { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { EdgeRequest, Step } from '../request-context.ts';

/** The request that came last on a connection. */
export interface Turn {
  readonly request: EdgeRequest;
  readonly response: ServerResponse;
  /** Whether it is being handled; otherwise it waits for the answers to those before it. */
  begun: boolean;
}

/**
 * Handles what a client sends without waiting for answers (pipelining) one after the other. Side by side, a read could
 * overtake the write in front of it (RFC 9112 section 9.3.2), and one connection could ask for any amount of work at once.
 */
export class InTurn {
  readonly #latest = new WeakMap<Duplex, Turn>();

  readonly step: Step = (request, response, next) => {
    const { socket } = request;
    const before = this.#latest.get(socket);
    const turn = { request, response, begun: before === undefined || before.response.closed };
    this.#latest.set(socket, turn);
    if (turn.begun) {
      next();
      return;
    }
    before?.response.once('close', () => {
      turn.begun = true;
      // Its connection ended while it waited: nobody is there for an answer.
      if (!socket.destroyed) next();
    });
  };

  /** What came last on this connection, as long as it is not answered. */
  latest(socket: Duplex): Turn | undefined {
    const turn = this.#latest.get(socket);
    return turn?.response.closed === true ? undefined : turn;
  }
}
