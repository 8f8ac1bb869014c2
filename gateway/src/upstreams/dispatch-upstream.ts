import type { IncomingHttpHeaders } from 'node:http';
import type { Duplex } from 'node:stream';
import { guardedLookup } from '@grapevine/shared/http/forbidden-target.ts';
import { type Dispatcher, Pool } from 'undici';
import type { AnswerSink, Sending, Upstream, UpstreamRequest } from './upstream.ts';

/** Shorter than the 5 s after which Node's own HTTP servers close idle connections: a request sent into a closing one is lost. */
const idleSocketMs = 4_000;

/**
 * Sends by undici's `dispatch`, which costs about a third of http-proxy-middleware: for short requests, whose bodies are
 * at hand, and for WebSockets. http-proxy-middleware would write the upstream's head to the client as it came, and close
 * the connection on failures, so that nobody could say why or try elsewhere. Streams pass too.
 */
export class DispatchUpstream implements Upstream {
  readonly #pool: Pool;

  /** `connectMs`: longest that a connection may take to be made. */
  constructor(url: string, connectMs: number) {
    this.#pool = new Pool(url, {
      pipelining: 1,
      keepAliveTimeout: idleSocketMs,
      keepAliveMaxTimeout: idleSocketMs,
      connect: { timeout: connectMs, lookup: guardedLookup },
      // Whoever sends watches the time itself, and knows whose turn it is.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  }

  send(request: UpstreamRequest, sink: AnswerSink): Sending {
    const exchange = new DispatchExchange(sink);
    const { method, path, body, upgrade } = request;
    const headers = request.headers as string[];
    this.#pool.dispatch({ method, path, headers, body: body ?? null, upgrade: upgrade ? 'websocket' : null }, exchange);
    return exchange;
  }

  close(): void {
    void this.#pool.destroy();
  }
}

/** Brings undici's events into our order, which are a little freer. */
class DispatchExchange implements Dispatcher.DispatchHandler, Sending {
  #sink: AnswerSink | undefined;
  #controller: Dispatcher.DispatchController | undefined = undefined;

  constructor(sink: AnswerSink) {
    this.#sink = sink;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // Taken back while it waited for a connection.
    if (this.#sink === undefined) controller.abort(new Error('taken back'));
  }

  onRequestUpgrade(
    _controller: Dispatcher.DispatchController,
    _status: number,
    headers: IncomingHttpHeaders,
    socket: Duplex,
  ): void {
    if (this.#sink === undefined) socket.destroy();
    this.#sink?.upgraded(headers, socket);
    this.#sink = undefined;
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (status < 200) this.#sink?.interim(status, headers);
    else this.#sink?.started(status, headers, controller);
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#sink?.received(chunk);
  }

  onResponseEnd(): void {
    this.#sink?.ended();
    this.#sink = undefined;
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    this.#sink?.failed(error);
    this.#sink = undefined;
  }

  cancel(): void {
    if (this.#sink === undefined) return;
    this.#sink = undefined;
    this.#controller?.abort(new Error('taken back'));
  }
}
