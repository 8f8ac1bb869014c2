import type { ServerResponse } from 'node:http';
import type { AnswerReader, AnswerStream } from './answer.ts';

/** Ends an event of an event stream, in the two ways that HTML allows and servers use. */
const eventEnds = ['\n\n', '\r\n\r\n'];
const longestEventEnd = 4;
/** A comment: clients read over it and connect again when the stream ends, at another gateway. */
const goingAway = ': the server goes away\n\n';

/** A body that is still coming, on its way to the client as fast as the client takes it. */
export class ClientStream implements AnswerReader {
  readonly #response: ServerResponse;
  #lastChunk: Buffer | undefined = undefined;

  constructor(body: AnswerStream, response: ServerResponse) {
    this.#response = response;
    response.on('drain', () => body.resume());
    body.flowTo(this);
    // The head of a stream must not wait for its first part.
    if (this.#lastChunk === undefined) response.flushHeaders();
  }

  write(chunk: Buffer): boolean {
    this.#lastChunk = chunk;
    return this.#response.write(chunk);
  }

  end(): void {
    this.#response.end();
  }

  cut(): void {
    this.#response.destroy();
  }

  /** Ends an event stream early. A client drops an event that is not complete; a comment inside it would complete it. */
  endEvents(): void {
    const tail = this.#lastChunk?.subarray(-longestEventEnd).toString('latin1');
    const isBetweenEvents = tail === undefined || eventEnds.some((end) => tail.endsWith(end));
    this.#response.end(isBetweenEvents ? goingAway : undefined);
  }
}
