import { type ClientRequest, Agent as HttpAgent, IncomingMessage, ServerResponse } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { guardedLookup } from '@grapevine/shared/http/forbidden-target.ts';
import { createProxyMiddleware, type RequestHandler } from 'http-proxy-middleware';
import type { AnswerSink, Sending, Upstream, UpstreamRequest } from './upstream.ts';

/** Idle connections kept: enough for the usual concurrency, few enough not to hold an idle service's sockets. */
const idleSockets = 256;
/** Shorter than the 5 s after which Node's own HTTP servers close idle connections: a request sent into a closing one is lost. */
const idleSocketMs = 4_000;

/**
 * Sends by http-proxy-middleware: for what streams and upgrades. What it takes for the client's request and response are
 * stand-ins, so that it neither destroys the client's connection nor writes to it: what the client gets is not its affair.
 */
export class ProxyUpstream implements Upstream {
  readonly #agent: HttpAgent;
  readonly #proxy: RequestHandler;

  constructor(url: string) {
    const target = new URL(url);
    const settings = { keepAlive: true, maxFreeSockets: idleSockets, timeout: idleSocketMs, lookup: guardedLookup };
    this.#agent = target.protocol === 'https:' ? new HttpsAgent(settings) : new HttpAgent(settings);
    this.#proxy = createProxyMiddleware({
      target,
      agent: this.#agent,
      changeOrigin: true,
      xfwd: false,
      ws: false,
      selfHandleResponse: true,
      // Its own would log, answer errors in plain text and copy the upstream's connection headers.
      ejectPlugins: true,
      plugins: [
        (proxy) => {
          proxy.on('proxyReq', (outgoing, request) => exchangeOf(request)?.sending(outgoing));
          proxy.on('proxyRes', (answer, request) => exchangeOf(request)?.answered(answer));
          proxy.on('error', (error, request) => exchangeOf(request)?.failed(error));
          proxy.on('econnreset', (error, request) => exchangeOf(request)?.failed(error));
        },
      ],
    });
  }

  send(request: UpstreamRequest, sink: AnswerSink): Sending {
    const exchange = new ProxyExchange(request, sink);
    const failed = (error: unknown): void => exchange.failed(error as Error);
    this.#proxy(exchange.request, exchange.response, failed).catch(failed);
    return exchange;
  }

  close(): void {
    this.#agent.destroy();
  }
}

function exchangeOf(request: IncomingMessage | undefined): ProxyExchange | undefined {
  return request instanceof StandInRequest ? request.exchange : undefined;
}

/** What the proxy reports about one request, brought into our order. */
class ProxyExchange implements Sending {
  readonly request: StandInRequest;
  readonly response: StandInResponse;
  #sink: AnswerSink | undefined;
  #outgoing: ClientRequest | undefined = undefined;

  constructor(request: UpstreamRequest, sink: AnswerSink) {
    this.#sink = sink;
    this.request = new StandInRequest(request, this);
    this.response = new StandInResponse(this.request);
  }

  sending(outgoing: ClientRequest): void {
    this.#outgoing = outgoing;
    if (this.#sink === undefined) outgoing.destroy();
    // Without an answer and without an error: Node does so with a switch of protocols that nobody asked for.
    outgoing.once('close', () => this.failed(new Error('the connection was closed')));
    outgoing.on('information', ({ statusCode, headers }) => this.#sink?.interim(statusCode, headers));
  }

  answered(answer: IncomingMessage): void {
    const sink = this.#sink;
    if (sink === undefined) {
      answer.destroy();
      return;
    }
    sink.started(answer.statusCode ?? 0, answer.headers, answer);
    answer.on('data', (chunk: Buffer) => this.#sink?.received(chunk));
    answer.once('end', () => {
      this.#sink?.ended();
      this.#sink = undefined;
    });
  }

  failed(error: Error): void {
    this.#sink?.failed(error);
    this.cancel();
  }

  cancel(): void {
    if (this.#sink === undefined) return;
    this.#sink = undefined;
    this.#outgoing?.destroy();
    this.request.destroy();
    // What the proxy takes as the client's departure; it closes what is still open.
    this.response.emit('close');
  }
}

/** Never connected: nothing that the proxy does to a stand-in's socket reaches anybody. */
const nowhere = new Socket().destroy();

class StandInRequest extends IncomingMessage {
  readonly exchange: ProxyExchange;
  readonly #body: Readable | undefined;

  constructor({ method, path, headers, body }: UpstreamRequest, exchange: ProxyExchange) {
    super(nowhere);
    this.exchange = exchange;
    this.httpVersion = '1.1';
    this.httpVersionMajor = 1;
    this.httpVersionMinor = 1;
    this.method = method;
    this.url = path;
    for (let index = 0; index < headers.length; index += 2) {
      const [name = '', value = ''] = [headers[index], headers[index + 1]];
      this.headers[name] = this.headers[name] === undefined ? value : `${this.headers[name]}, ${value}`;
    }
    if (body instanceof Readable) {
      // Node frames the body of a DELETE or GET only when it is told to; the upstream would take it for a request.
      if (this.headers['content-length'] === undefined) this.headers['transfer-encoding'] = 'chunked';
      this.#body = body;
      body.on('data', (chunk: Buffer) => {
        if (!this.push(chunk)) body.pause();
      });
      body.once('end', () => this.push(null));
      body.once('error', (error) => exchange.failed(error));
    } else {
      if (body !== undefined) {
        this.headers['content-length'] = String(body.length);
        this.push(body);
      }
      this.push(null);
    }
  }

  override _read(): void {
    this.#body?.resume();
  }
}

class StandInResponse extends ServerResponse {
  /** The proxy cuts the client's connection when an answer breaks off. Here, whoever sent the request decides that. */
  override destroy(): this {
    return this;
  }
}
