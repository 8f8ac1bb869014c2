import { IncomingMessage, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { ErrorCode } from '@grapevine/shared/errors/catalogue.ts';
import type { Identity } from '@grapevine/shared/identity/identity.ts';
import type { ApiKey } from './auth/api-keys.ts';
import type { Credential, StreamWatch } from './auth/stream-watch.ts';
import type { CacheVerdict } from './cache/cache-status.ts';
import type { Route } from './routes/route.ts';
import type { Answer } from './upstreams/answer.ts';

/** What the steps learn about one request, each adding its part. */
export class RequestContext {
  /** Under which all processes log it. */
  requestId = '';
  /** Of the trace that it is part of, where requests are traced. */
  traceId: string | undefined = undefined;
  /** Address of the client: the peer's, or what trusted proxies say. IPv4-mapped IPv6 is written as IPv4. */
  address = '';
  /** By which the client called, as far as we or a trusted proxy know. */
  scheme: 'http' | 'https' = 'http';
  /**
   * Headers of the answer, whoever makes it: names in lower case and values in turn. They stay in one list until the head
   * is written: Node takes such a list as it is, whereas headers that are set one by one are checked and copied twice.
   */
  readonly answerHeaders: string[] = [];
  route: Route | undefined = undefined;
  identity: Identity | undefined = undefined;
  /** What is to prove it, and who watches that it goes on to, should the answer be a stream. */
  credential: Credential | undefined = undefined;
  streams: StreamWatch | undefined = undefined;
  /** The key that proved `identity`, if it was one. */
  apiKey: ApiKey | undefined = undefined;
  /** Largest body that this request may have. */
  maxBodyBytes = 0;
  /** Charges the caller with what the upstream says that the request cost. */
  chargeCost: ((context: RequestContext, cost: number) => Promise<void>) | undefined = undefined;
  /** What the cache did for it, on routes that have one. */
  cache: CacheVerdict | undefined = undefined;
  /** Hears of the upstream's answer before the client gets it. */
  onAnswer: ((answer: Pick<Answer, 'status' | 'headers'>) => void) | undefined = undefined;
  /** What the upstream said that it cost. */
  cost = 0;
  /** Upstream instances that the request was sent to, in order. */
  tried: readonly { readonly url: string }[] = [];
  /** When it was sent on, and when an answer began after however many attempts; by the monotonic clock. */
  sentMs: number | undefined = undefined;
  answeredMs: number | undefined = undefined;
  /** The client's connection, if it asks for a WebSocket. */
  upgrade: Duplex | undefined = undefined;
  /** Ends a stream that would never end by itself, in the words of its protocol. */
  goodbye: (() => void) | undefined = undefined;
  /** Run once, when the answer has gone out or its connection has closed: one listener costs less than one for each. */
  readonly whenOver: (() => void)[] = [];
  /** The configuration that it began under, which must hear when it is over. */
  generation: { leave(): void } | undefined = undefined;
  /** Code of the problem that the gateway itself answered with. */
  refusal: ErrorCode | undefined = undefined;

  /** The answer is a stream: `goodbye` ends it, and its caller is watched until it is over. */
  beginStream(goodbye: () => void): void {
    this.goodbye = goodbye;
    if (this.credential === undefined || this.streams === undefined) return;
    this.whenOver.push(this.streams.watch({ credential: this.credential, goodbye }));
  }

  /** Sets a header of the answer, in place of an earlier one of the same name. `name` is in lower case. */
  answerHeader(name: string, value: string): void {
    const at = this.answerHeaders.indexOf(name);
    if (at === -1) this.answerHeaders.push(name, value);
    else this.answerHeaders[at + 1] = value;
  }
}

/** A request to the gateway. */
export class EdgeRequest extends IncomingMessage {
  readonly context = new RequestContext();
  // A server sets both before anybody sees the request.
  declare method: string;
  declare url: string;
}

/**
 * One thing that happens to a request. It calls `next`, or answers, or throws what the client is to be told. All steps
 * stand in one list in `server.ts`.
 */
export type Step = (request: EdgeRequest, response: ServerResponse, next: () => void) => void | Promise<void>;
