import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { isChunked, tooLarge } from '../limits/body-size.ts';
import { returnedHeaders } from './forwarded-headers.ts';

export interface ExchangeLimits {
  /** Longest pause before and inside an answer, in milliseconds. */
  readonly upstreamTimeoutMs: number;
  readonly maxBodyBytes: number;
}

/** The client went away before there was an answer: says nothing about the upstream. */
export class ClientGone extends Error {
  override readonly name = 'ClientGone';
}

/** The upstream answered with a server error, which the client has been given as it is. */
export class FaultyAnswer extends Error {
  override readonly name = 'FaultyAnswer';
}

/** Errors of a connection that was never made: the request did not reach anybody. */
const unreachable = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'ETIMEDOUT']);

/**
 * One request on its way through an upstream and back. The proxy reports to it; `begun` settles exactly once: with nothing
 * when a good answer has begun, with `FaultyAnswer` when a bad one has, with `ClientGone`, or with the error that the
 * client is to get.
 */
export class Exchange {
  readonly begun: Promise<void>;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #limits: ExchangeLimits;
  readonly #settle: { resolve: () => void; reject: (reason: Error) => void };
  #outgoing: ClientRequest | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(request: IncomingMessage, response: ServerResponse, limits: ExchangeLimits) {
    this.#request = request;
    this.#response = response;
    this.#limits = limits;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.begun = promise;
    this.#settle = { resolve, reject };
    response.once('close', () => {
      this.#stopWatching();
      if (!response.headersSent) reject(new ClientGone('the client went away'));
    });
  }

  /** The outgoing request has a socket; the client's body is about to flow into it. */
  sending(outgoing: ClientRequest): void {
    this.#outgoing = outgoing;
    this.#timer = setTimeout(() => this.#silent(), this.#limits.upstreamTimeoutMs);
    const counted = isChunked(this.#request);
    let received = 0;
    this.#request.on('data', (chunk: Buffer) => {
      this.#timer?.refresh();
      received += chunk.length;
      if (counted && received > this.#limits.maxBodyBytes) this.#abort(tooLarge(this.#limits.maxBodyBytes));
    });
  }

  /** The upstream's status and headers are here: passes them and the body on, without keeping anything. */
  answered(answer: IncomingMessage): void {
    const status = answer.statusCode ?? 502;
    try {
      this.#response.writeHead(status, returnedHeaders(answer));
    } catch (error) {
      // A status that Node would not send, such as 099, or an error of ours went out first. Thrown on from here it would
      // end the process.
      answer.destroy();
      this.failed(error as Error);
      return;
    }
    this.#watchBody(answer);
    answer.pipe(this.#response);
    if (status >= 500) this.#settle.reject(new FaultyAnswer(`answered ${status}`));
    else this.#settle.resolve();
  }

  /** The exchange broke down. Once the answer has begun there is nothing left to say: the proxy cuts the connection. */
  failed(error: Error): void {
    this.#stopWatching();
    this.#settle.reject(explain(error));
  }

  /** An event stream may be silent for ever; any other body that stands still is given up. */
  #watchBody(answer: IncomingMessage): void {
    if (isEventStream(answer)) {
      this.#stopWatching();
      // Its headers must not wait for the first event.
      this.#response.flushHeaders();
      return;
    }
    this.#timer?.refresh();
    answer.on('data', () => this.#timer?.refresh());
    answer.once('end', () => this.#stopWatching());
  }

  /** Nothing has moved for too long. Whose fault that is decides what the client hears. */
  #silent(): void {
    const waitsForClient = !this.#request.complete && this.#outgoing?.writableNeedDrain === false;
    this.#abort(
      waitsForClient
        ? new GrapevineError('REQUEST_TIMEOUT', 'The body stopped arriving before it was complete.')
        : new GrapevineError(
            'UPSTREAM_TIMEOUT',
            `The service behind the gateway gave no sign of life for ${this.#limits.upstreamTimeoutMs} ms.`,
          ),
    );
  }

  #abort(error: GrapevineError): void {
    this.failed(error);
    this.#outgoing?.destroy();
    // What the client still sends is read and dropped; otherwise it might never get to reading the answer.
    this.#request.resume();
  }

  /** A cleared timer that is refreshed would run again, so it is forgotten too. */
  #stopWatching(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

function isEventStream(answer: IncomingMessage): boolean {
  return answer.headers['content-type']?.startsWith('text/event-stream') === true;
}

function explain(error: Error): Error {
  if (error instanceof GrapevineError) return error;
  const { code } = error as NodeJS.ErrnoException;
  if (code !== undefined && unreachable.has(code)) {
    return new GrapevineError('UNAVAILABLE', 'The service behind the gateway cannot be reached.', {
      retryAfterSeconds: 1,
      cause: error,
    });
  }
  return new GrapevineError('UPSTREAM_FAILED', 'The service behind the gateway broke off before it answered.', {
    cause: error,
  });
}
