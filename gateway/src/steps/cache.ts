import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { Clock } from '@grapevine/shared/clock.ts';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import type { AnswerCache } from '../cache/answer-cache.ts';
import type { Wanted } from '../cache/answer-store.ts';
import { type CacheDirectives, requestDirectives } from '../cache/cache-control.ts';
import { type Forwarded, forwardedStatus } from '../cache/cache-status.ts';
import type { CacheableRead, ReadResult } from '../cache/cacheable-read.ts';
import { clientHas, isForOrigin, notModifiedHeaders } from '../cache/conditions.ts';
import { deliverStored } from '../cache/deliver-stored.ts';
import { StoredAnswer } from '../cache/stored-answer.ts';
import { forwardedHeaderReader, principalOf } from '../cache/vary.ts';
import { announcedBytes, isChunked } from '../limits/body-size.ts';
import type { EdgeRequest, RequestContext, Step } from '../request-context.ts';
import type { Answer } from '../upstreams/answer.ts';
import { chargeCost } from '../upstreams/answer-cost.ts';
import { deliverAnswer, deliverInterim } from '../upstreams/deliver-answer.ts';
import { ClientGone } from '../upstreams/failures.ts';
import type { Forwarder } from '../upstreams/forwarder.ts';

const safeMethods = ['GET', 'HEAD', 'OPTIONS'];
const noBytes = Buffer.alloc(0);

/**
 * Answers reads on routes that have a cache, from what is kept or together with others who ask the same. What it has no part
 * in goes on to be forwarded; a write that succeeds takes what it changed out of the cache.
 */
export function cacheAnswers(cache: AnswerCache, forwarder: Forwarder, clock: Clock): Step {
  return (request, response, next) => {
    const { context, headers, method } = request;
    const { route } = context;
    const uri = addressOf(request);
    if (route === undefined || uri === undefined || context.upgrade !== undefined) return next();
    if (!safeMethods.includes(method)) {
      context.onAnswer = (answer) => cache.changed(uri, answer);
      return next();
    }
    if (!route.config.cache) return next();
    const passBy = (why: Forwarded): void => {
      context.cache = 'bypass';
      cache.count('bypass');
      context.answerHeader('cache-status', forwardedStatus(why));
      next();
    };
    // A body is no part of the address: with one, the same address could mean anything.
    if (method === 'OPTIONS' || announcedBytes(request) > 0 || isChunked(request)) return passBy('method');
    if (isForOrigin(headers)) return passBy('bypass');
    const principal = principalOf(context.identity);
    const wanted = { uri, route: route.name, principal, read: forwardedHeaderReader(request) };
    const directives = requestDirectives(headers);
    const read = (): CacheableRead => readOf(wanted, directives, request, response, { forwarder, clock });
    const kept = cache.recall(wanted, directives, read);
    if (kept !== undefined && kept !== 'unkept') return deliver(kept, cache, request, response, clock);
    if (directives.has('only-if-cached')) {
      throw new GrapevineError('NOT_CACHED', 'No answer is kept that this request could be given.');
    }
    // Where answers cannot be kept, most requests end here: they go the short way.
    if (kept === 'unkept') return passBy('bypass');
    if (method === 'HEAD') {
      context.onAnswer = (answer) => cache.headSeen(wanted, answer);
      return passBy('method');
    }
    return answerTogether(cache, read(), request, response, clock);
  };
}

async function answerTogether(
  cache: AnswerCache,
  read: CacheableRead,
  request: EdgeRequest,
  response: ServerResponse,
  clock: Clock,
): Promise<void> {
  try {
    const result = await cache.read(read);
    const { answer } = result;
    request.context.answeredMs = clock.monotonicMs();
    if (response.closed) return;
    if (!(answer instanceof StoredAnswer)) await chargeCost(answer, request.context);
    deliver(result, cache, request, response, clock);
  } catch (error) {
    if (!(error instanceof ClientGone)) throw error;
  }
}

function deliver(
  { verdict, status, answer }: ReadResult,
  cache: AnswerCache,
  request: EdgeRequest,
  response: ServerResponse,
  clock: Clock,
): void {
  request.context.cache = verdict;
  cache.count(verdict);
  if (answer instanceof StoredAnswer) {
    deliverStored(answer, answer.ageSeconds(clock.monotonicMs()), status, request, response);
  } else {
    const wanted = verdict === 'miss' ? unlessKnown(answer, request, clock.wallMs()) : answer;
    deliverAnswer(withCacheStatus(wanted, status, request.context), request, response);
  }
}

/** What is fetched to be kept is fetched without the client's conditions: a 304 in its place, if the client has it already. */
function unlessKnown(answer: Answer, { headers }: EdgeRequest, nowMs: number): Answer {
  if (!Buffer.isBuffer(answer.body) || !clientHas(headers, { ...answer, dateMs: nowMs })) return answer;
  return { ...answer, status: 304, headers: notModifiedHeaders(answer.headers), body: noBytes };
}

/** What caches behind us said comes first (RFC 9211 section 2). */
function withCacheStatus(answer: Answer, status: string, context: RequestContext): Answer {
  const before = answer.headers['cache-status'];
  if (before !== undefined) {
    return { ...answer, headers: { ...answer.headers, 'cache-status': `${String(before)}, ${status}` } };
  }
  context.answerHeader('cache-status', status);
  return answer;
}

function readOf(
  wanted: Wanted,
  directives: CacheDirectives,
  request: EdgeRequest,
  response: ServerResponse,
  { forwarder, clock }: { readonly forwarder: Forwarder; readonly clock: Clock },
): CacheableRead {
  const { context, headers } = request;
  const onInterim = (status: number, interim: IncomingHttpHeaders): void =>
    deliverInterim(status, interim, request, response);
  return {
    ...wanted,
    directives,
    hasUncheckedCredentials:
      context.identity === undefined && (headers.authorization !== undefined || headers['x-api-key'] !== undefined),
    fetch: (conditions) => forwarder.begin(request, undefined, onInterim, { conditions }),
    client: {
      asked: (exchange) => {
        context.tried = exchange.tried;
        context.sentMs = clock.monotonicMs();
      },
      onOver: (listener) => {
        if (response.closed) listener();
        else context.whenOver.push(listener);
      },
    },
  };
}

/** What a request asks for, as an absolute address; undefined when it does not say of which host. */
function addressOf({ context, headers, url }: EdgeRequest): string | undefined {
  const { host } = headers;
  if (host === undefined) return undefined;
  const defaultPort = context.scheme === 'http' ? ':80' : ':443';
  const name = host.toLowerCase();
  return `${context.scheme}://${name.endsWith(defaultPort) ? name.slice(0, -defaultPort.length) : name}${url}`;
}
