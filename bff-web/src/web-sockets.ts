import { type IncomingMessage, type Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '@grapevine/shared/clock.ts';
import type { BffWebConfig } from '@grapevine/shared/config/schema.ts';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { requestIdOf, sendProblem } from '@grapevine/shared/http/problem-handler.ts';
import { type Identity, type IdentityVerifier, identityHeader } from '@grapevine/shared/identity/identity.ts';
import { CloseCode, handleProtocols, makeServer } from 'graphql-ws';
import type { Logger } from 'pino';
import { type WebSocket, WebSocketServer } from 'ws';
import { graphqlPath } from './graphql-endpoint.ts';
import type { Subscriptions } from './subscriptions.ts';

export interface WebSocketOptions {
  readonly subscriptions: Subscriptions;
  readonly verifier: IdentityVerifier;
  readonly clock: Clock;
  readonly log: Logger;
  readonly config: Pick<BffWebConfig, 'maxRequestBytes'>;
}

/** Open at once over one connection; each is a stream of its own at a node. */
const maxSubscriptions = 100;
/**
 * Messages that a client may send at once, and per second in the long run. The gateway counts a whole connection as one
 * request, so what comes over it has to be counted here. A page opens a few subscriptions and then listens.
 */
const messageBurst = 200;
const messagesPerSecond = 20;
/** Time for the first message of a client, in milliseconds. */
const initTimeoutMs = 10_000;
/** Between pings, in milliseconds: no proxy on the way should take a quiet connection for an idle one. */
const pingMs = 12_000;
/** Pings in a row that a client may leave unanswered, because what was sent before them is still on its way to it. */
const maxUnanswered = 5;
/** Time for a client to agree that the connection closes, in milliseconds, before it is cut. */
const closeMs = 1_000;

/** Close codes beyond those of the protocol (`CloseCode`): its clients open a new connection after these two. */
const goingAway = 1001;
const tryAgainLater = 1013;

interface Connection {
  readonly socket: WebSocket;
  readonly identity: Identity;
  readonly requestId: string | undefined;
}

/**
 * Subscriptions over WebSockets, in the protocol `graphql-transport-ws`. The caller is whom the gateway vouched for when the
 * connection was opened.
 */
export class WebSockets {
  readonly #options: WebSocketOptions;
  readonly #sockets: WebSocketServer;
  readonly #protocol: ReturnType<typeof makeServer<Record<string, unknown>, Connection>>;
  readonly #pings: NodeJS.Timeout;
  readonly #unanswered = new WeakMap<WebSocket, number>();

  constructor(options: WebSocketOptions) {
    this.#options = options;
    const { subscriptions, config } = options;
    this.#sockets = new WebSocketServer({
      noServer: true,
      perMessageDeflate: false,
      maxPayload: config.maxRequestBytes,
      handleProtocols,
    });
    this.#protocol = makeServer({
      connectionInitWaitTimeout: initTimeoutMs,
      onSubscribe: ({ extra, subscriptions: open }, _id, params) => {
        const { identity, requestId, socket } = extra;
        if (Object.keys(open).length > maxSubscriptions) {
          socket.close(CloseCode.BadRequest, `Expected at most ${maxSubscriptions} subscriptions at once.`);
        }
        return subscriptions.prepare(params, { identity, requestId, cut: () => socket.terminate() });
      },
      subscribe: (args) => subscriptions.start(args),
      onError: ({ extra }, _id, _params, errors) =>
        subscriptions.present({ errors }, extra.requestId).errors?.map((error) => error.toJSON()),
    });
    this.#pings = setInterval(() => this.#ping(), pingMs);
  }

  /** Takes the upgrades of `server`. */
  take(server: Server): void {
    server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
      socket.on('error', () => socket.destroy());
      try {
        const identity = this.#verify(request);
        this.#sockets.handleUpgrade(request, socket, head, (client) => {
          this.#open({ socket: client, identity, requestId: requestIdOf(request) });
        });
      } catch (error) {
        refuse(request, socket, error);
      }
    });
  }

  /** Sends every client away; it goes on elsewhere from its last tokens. */
  close(): void {
    clearInterval(this.#pings);
    for (const socket of this.#sockets.clients) {
      socket.close(goingAway, 'This server stops.');
      setTimeout(() => socket.terminate(), closeMs).unref();
    }
  }

  #verify(request: IncomingMessage): Identity {
    const { pathname } = new URL(request.url ?? '/', 'http://web');
    if (pathname !== graphqlPath) throw new GrapevineError('NOT_FOUND', `There is no WebSocket at ${pathname}.`);
    const header = request.headers[identityHeader];
    return this.#options.verifier.verify(typeof header === 'string' ? header : undefined);
  }

  #open(connection: Connection): void {
    const { socket, requestId } = connection;
    const { log, clock } = this.#options;
    const budget = new MessageBudget(clock);
    // Frames that break the protocol: the library closes the connection with the right code.
    socket.on('error', () => undefined);
    socket.on('pong', () => this.#unanswered.delete(socket));
    const closed = this.#protocol.opened(
      {
        protocol: socket.protocol,
        // Resolves when the client's side of the connection has taken it: nothing more is asked of the cluster before.
        send: (data) => new Promise((resolve) => socket.send(data, () => resolve())),
        close: (code, reason) => socket.close(code, reason),
        onMessage: (take) => {
          socket.on('message', (data) => {
            if (!budget.take()) return socket.close(tryAgainLater, `Expected ${messagesPerSecond} messages a second.`);
            take(String(data)).catch((error: unknown) => {
              log.error({ err: error, requestId }, 'a WebSocket message failed');
              socket.close(CloseCode.InternalServerError, 'Internal server error');
            });
          });
        },
      },
      connection,
    );
    socket.once('close', (code, reason) => {
      closed(code, String(reason)).catch((error: unknown) =>
        log.error({ err: error, requestId }, 'a WebSocket failed'),
      );
    });
  }

  /** Finds clients that vanished without a word, and keeps the others' connections open. */
  #ping(): void {
    for (const socket of this.#sockets.clients) {
      const unanswered = this.#unanswered.get(socket) ?? 0;
      if (unanswered >= maxUnanswered) {
        socket.terminate();
        continue;
      }
      this.#unanswered.set(socket, unanswered + 1);
      socket.ping();
    }
  }
}

/** A bucket of `messageBurst` messages that `messagesPerSecond` flow into. */
class MessageBudget {
  readonly #clock: Clock;
  #left = messageBurst;
  #countedMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#countedMs = clock.monotonicMs();
  }

  take(): boolean {
    const nowMs = this.#clock.monotonicMs();
    this.#left = Math.min(messageBurst, this.#left + ((nowMs - this.#countedMs) * messagesPerSecond) / 1_000) - 1;
    this.#countedMs = nowMs;
    return this.#left >= 0;
  }
}

/** Answers an upgrade that is not made like any other request. */
function refuse(request: IncomingMessage, socket: Socket, error: unknown): void {
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(socket);
  response.once('finish', () => socket.destroySoon());
  sendProblem(request, response, error);
}
