import type { IncomingHttpHeaders } from 'node:http';
import type { Duplex, Readable } from 'node:stream';

/** A request as it goes to an upstream. */
export interface UpstreamRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  /** Names in lower case and values in turn; nothing of the connection, whose headers are the engine's. */
  readonly headers: readonly string[];
  /** All of it, or a stream that may be destroyed without harm to the client's connection. */
  readonly body: Buffer | Readable | undefined;
  /** Asks for a WebSocket. Only `DispatchUpstream` can. */
  readonly upgrade: boolean;
}

/** Holds an answer's body back while nobody takes it. */
export interface Flow {
  pause(): void;
  resume(): void;
}

/**
 * Hears of an answer: any number of interim ones, then `started` once, `received` for each part of the body, and `ended`;
 * or `upgraded` instead of an answer; or `failed` instead of whatever would have come next. Nothing comes after `upgraded`,
 * `ended` and `failed`, or after the exchange was cancelled. None of these may throw.
 */
export interface AnswerSink {
  /** An interim answer (RFC 9110 section 15.2) other than `100 Continue`. */
  interim(status: number, headers: IncomingHttpHeaders): void;
  /** Status and headers. Names are in lower case, values that came apart stand in a list or are joined by commas. */
  started(status: number, headers: IncomingHttpHeaders, flow: Flow): void;
  received(chunk: Buffer): void;
  /** The whole body has come. Trailers have been dropped: they could bring what was refused among the headers. */
  ended(): void;
  /** The upgrade was made; the connection is whoever takes it. */
  upgraded(headers: IncomingHttpHeaders, socket: Duplex): void;
  /** The connection broke or could not be made, or what came is not HTTP, or the request's body failed. */
  failed(error: Error): void;
}

/** One request on its way. */
export interface Sending {
  /** Gives it up: its connection is closed, its sink hears nothing more. Does nothing once it has ended. */
  cancel(): void;
}

/**
 * A way to send requests to one process of a service: the port behind which the two forwarding engines stand.
 * `testing/upstream-conformance.ts` says what all of them do alike.
 */
export interface Upstream {
  send(request: UpstreamRequest, sink: AnswerSink): Sending;
  /** Closes all connections, also those in use. */
  close(): void;
}
