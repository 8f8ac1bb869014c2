import type { IncomingHttpHeaders } from 'node:http';
import type { Duplex } from 'node:stream';

/** An upstream's answer, or the WebSocket that it opened instead (status 101). */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** All of it, or what is still coming, or the connection. */
  readonly body: Buffer | AnswerStream | Duplex;
}

/** A body on its way. It waits until somebody takes it, who gets it from its first byte. */
export interface AnswerStream {
  flowTo(reader: AnswerReader): void;
  /** Lets the body go on after `write` answered false. */
  resume(): void;
  /** Nobody wants the rest. */
  cancel(): void;
}

/** Takes a body. Gets either `end` or `cut` at last, unless it cancels. */
export interface AnswerReader {
  /** False asks for a pause; what is under way may still come. */
  write(chunk: Buffer): boolean;
  end(): void;
  /** The body broke off: the client must not take it for complete. */
  cut(): void;
}
