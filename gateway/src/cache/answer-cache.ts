import type { IncomingHttpHeaders } from 'node:http';
import { Duplex } from 'node:stream';
import type { Clock } from '@grapevine/shared/clock.ts';
import type { Answer } from '../upstreams/answer.ts';
import { isEventStream } from '../upstreams/attempt.ts';
import type { Exchange } from '../upstreams/exchange.ts';
import { ClientGone } from '../upstreams/failures.ts';
import type { Forwarding } from '../upstreams/forwarder.ts';
import { AnswerStore, type StoreBounds, type Wanted } from './answer-store.ts';
import type { CacheDirectives } from './cache-control.ts';
import { type CacheVerdict, type Forwarded, forwardedStatus, hitStatus } from './cache-status.ts';
import { conditionsFor, confirms, updatedHeaders } from './conditions.ts';
import { CopiedStream } from './copied-stream.ts';
import { Flight, Flights } from './flight.ts';
import { type Purge, purges } from './purge.ts';
import { isStandInStatus, mayStandIn, type Reuse, reuseOf } from './reuse.ts';
import { StoredAnswer, type Terms } from './stored-answer.ts';
import { termsOf } from './terms.ts';
import { selectionOf, selects, variedNames } from './vary.ts';

export interface CacheOptions extends StoreBounds {
  /** Longer bodies pass by. */
  readonly maxEntryBytes: number;
  /** Longest that a request waits for what another one has asked, in milliseconds: that one's answer may be the slow one. */
  readonly joinMs: number;
}

/** A GET that an answer may be kept for. */
export interface CacheableRead extends Wanted {
  readonly directives: CacheDirectives;
  /** Whether it brings credentials that nobody has checked, and that are no part of what the upstream gets. */
  readonly hasUncheckedCredentials: boolean;
  /** Asks the upstream, under these conditions instead of the client's, or with `undefined` under the client's. */
  fetch(conditions: readonly string[] | undefined): Forwarding;
  readonly client: WaitingClient;
}

/** Who waits for an answer. */
export interface WaitingClient {
  /** The upstream is asked on its behalf. */
  asked(exchange: Exchange): void;
  /** Has `listener` called when the client is gone or has its answer; at once if it has already gone. */
  onOver(listener: () => void): void;
}

const nobody: WaitingClient = { asked: () => {}, onOver: () => {} };

/** What a client is answered with. */
export interface ReadResult {
  readonly verdict: CacheVerdict;
  /** For `Cache-Status`. */
  readonly status: string;
  readonly answer: StoredAnswer | Answer;
}

/** What the cache did and holds. */
export interface CacheStatus {
  readonly entries: number;
  readonly bytes: number;
  /** Answers that the bounds pushed out. */
  readonly evictions: number;
  /** Answers that writes took out. */
  readonly invalidations: number;
  /** Requests by what the cache did for them. */
  readonly requests: Readonly<Record<CacheVerdict, number>>;
}

/** Rounds of waiting for others, after which a request goes on alone: one that began before it came, and one after. */
const maxWaits = 2;
/**
 * For so long it is remembered that an answer cannot be kept: requests for it then neither wait for each other nor lose
 * their conditions.
 */
const unkeptSeconds = 10;
const noBytes = Buffer.alloc(0);

/** A shared cache (RFC 9111) that makes identical reads once. */
export class AnswerCache {
  readonly #store: AnswerStore;
  readonly #maxEntryBytes: number;
  readonly #joinMs: number;
  readonly #clock: Clock;
  readonly #flights = new Flights();
  readonly #requests = { hit: 0, stale: 0, revalidated: 0, collapsed: 0, miss: 0, bypass: 0 };
  #invalidations = 0;
  #order = 0;

  constructor(options: CacheOptions, clock: Clock) {
    this.#store = new AnswerStore(options);
    this.#maxEntryBytes = options.maxEntryBytes;
    this.#joinMs = options.joinMs;
    this.#clock = clock;
  }

  /** Counts what was done for a request. */
  count(verdict: CacheVerdict): void {
    this.#requests[verdict]++;
  }

  status(): CacheStatus {
    const { entries, bytes, evictions } = this.#store;
    return { entries, bytes, evictions, invalidations: this.#invalidations, requests: { ...this.#requests } };
  }

  /**
   * What is kept and may go out at once; `unkept` when it is known that nothing can be; otherwise the request is `read`.
   * `refresh` says how to ask for a new answer while an old one goes out.
   */
  recall(wanted: Wanted, directives: CacheDirectives, refresh: () => CacheableRead): ReadResult | 'unkept' | undefined {
    const stored = this.#store.find(wanted);
    if (stored === undefined) return undefined;
    const nowMs = this.#clock.monotonicMs();
    if (stored.terms.sharing === 'nobody') return stored.leftSeconds(nowMs) > 0 ? 'unkept' : undefined;
    const reuse = reuseOf(stored, directives, nowMs);
    if (reuse === 'stale' || reuse === 'asked') return undefined;
    if (reuse === 'refresh') this.#refresh(refresh(), stored);
    const status = hitStatus(stored.leftSeconds(nowMs));
    return { verdict: reuse === 'fresh' ? 'hit' : 'stale', status, answer: stored };
  }

  /** The answer to a request for which nothing is at hand. Rejects as `Forwarding.answer` does. */
  async read(read: CacheableRead): Promise<ReadResult> {
    const arrived = ++this.#order;
    // The answer to such a request may not be kept (RFC 9111 section 5.2.1.5), so that nobody else could use it.
    if (read.directives.has('no-store') || read.hasUncheckedCredentials) return this.#alone(read);
    for (let waits = 0; waits < maxWaits; waits++) {
      const stored = this.#store.find(read);
      if (stored?.terms.sharing === 'nobody' && stored.leftSeconds(this.#clock.monotonicMs()) > 0) break;
      const flight = this.#flights.find(read.uri, read.route, read.read);
      if (flight === undefined) return this.#lead(read, stored, this.#newFlight(read));
      const leave = flight.join();
      read.client.onOver(leave);
      const outcome = await flight.wait();
      leave();
      if (outcome === 'unshared') break;
      if (outcome === 'late') this.#flights.delete(flight);
      else if (outcome === 'failed') {
        const standIn = this.#standIn(stored, read, 'stale', undefined);
        if (standIn !== undefined) return standIn;
      } else if (this.#mayFollow(read, arrived, flight, outcome)) {
        const status = forwardedStatus(stored === undefined ? 'uri-miss' : 'stale', { collapsed: true });
        return { verdict: 'collapsed', status, answer: outcome };
      }
    }
    return this.#alone(read);
  }

  /** Something has changed an address: what is kept for it and for what the answer names is gone (RFC 9111 section 4.4). */
  changed(uri: string, { status, headers }: Pick<Answer, 'status' | 'headers'>): void {
    if (status < 200 || status >= 400) return;
    for (const address of [uri, ...namedAddresses(uri, headers)]) {
      this.#invalidations += this.#store.invalidate(address);
      this.#flights.overtakeAt(address);
    }
  }

  /** The answer to a HEAD: what is kept of the GET is given up if it differs (RFC 9111 section 4.3.5). */
  headSeen(wanted: Wanted, { status, headers }: Pick<Answer, 'status' | 'headers'>): void {
    const stored = this.#store.find(wanted);
    if (stored === undefined || stored.terms.sharing === 'nobody' || status !== 200) return;
    const same = ['etag', 'last-modified', 'content-length'].every(
      (name) => headers[name] === undefined || headers[name] === stored.headers[name],
    );
    if (!same) this.#store.delete(stored);
  }

  /** Gives up what is kept for some addresses; answers how many answers that were. */
  purge(purge: Purge): number {
    const matches = purges(purge);
    this.#flights.overtake(matches);
    return this.#store.purge(matches);
  }

  #newFlight({ uri, route, read }: CacheableRead): Flight {
    const names = this.#store.variedNames(uri, route) ?? [];
    const selection = selectionOf(names, read);
    const flight = new Flight({ uri, route, selection, order: ++this.#order, patienceMs: this.#joinMs });
    this.#flights.add(flight);
    return flight;
  }

  /** Whether what a flight brought may go to somebody who waited for it. */
  #mayFollow(read: CacheableRead, arrived: number, flight: Flight, answer: StoredAnswer): boolean {
    const { principal, selection } = answer.key;
    if (principal !== undefined && principal !== read.principal) return false;
    if (!selects(selection, read.read)) return false;
    // Asked for after this request came, it is as new as this request could have got it.
    if (flight.order > arrived) return true;
    return reuseOf(answer, read.directives, this.#clock.monotonicMs()) === 'fresh';
  }

  /** Goes on without anybody else: under the client's own conditions, and nothing is kept. */
  async #alone(read: CacheableRead): Promise<ReadResult> {
    const { exchange, answer } = read.fetch(undefined);
    read.client.asked(exchange);
    read.client.onOver(() => exchange.leave());
    return { verdict: 'bypass', status: forwardedStatus('bypass'), answer: await answer };
  }

  /** Fetches a new answer while the old one goes out. */
  #refresh(read: CacheableRead, stored: StoredAnswer): void {
    if (this.#flights.find(read.uri, read.route, read.read) !== undefined) return;
    this.#lead({ ...read, client: nobody }, stored, this.#newFlight(read)).then(
      ({ answer }) => {
        // Whatever is still coming is for the copy.
        if (!(answer instanceof StoredAnswer) && answer.body instanceof CopiedStream) answer.body.goOnAlone();
        else if (!(answer instanceof StoredAnswer) && 'cancel' in answer.body) answer.body.cancel();
      },
      // The next request that needs it will meet the same trouble, and say so.
      () => {},
    );
  }

  /** Asks the upstream, with the conditions that what is kept allows, for this request and all who wait for the same. */
  async #lead(read: CacheableRead, kept: StoredAnswer | undefined, flight: Flight): Promise<ReadResult> {
    const base = kept?.terms.sharing === 'nobody' ? undefined : kept;
    const askedMs = this.#clock.monotonicMs();
    const reuse = base === undefined ? undefined : reuseOf(base, read.directives, askedMs);
    const why = forwardedBecause(reuse, this.#store.variedNames(read.uri, read.route) !== undefined);
    try {
      const { exchange, answer: coming } = read.fetch(base === undefined ? [] : conditionsFor(base.headers));
      read.client.asked(exchange);
      flight.onDeserted = () => exchange.leave();
      read.client.onOver(flight.join());
      const answer = await coming;
      if (answer.status === 304 && base !== undefined) {
        if (confirms(answer.headers, base.headers)) return this.#confirmed(read, base, answer, askedMs, flight, why);
        this.#store.delete(base);
        return await this.#lead(read, undefined, flight);
      }
      if (isStandInStatus(answer.status)) {
        const standIn = this.#standIn(base, read, why, answer.status);
        if (standIn !== undefined) {
          if ('cancel' in answer.body) answer.body.cancel();
          flight.settle('failed');
          return standIn;
        }
      }
      return this.#fetched(read, base, answer, askedMs, flight, why);
    } catch (error) {
      flight.settle('failed');
      const standIn = error instanceof ClientGone ? undefined : this.#standIn(base, read, why, undefined);
      if (standIn === undefined) throw error;
      return standIn;
    } finally {
      void flight.outcome.then(() => this.#flights.delete(flight));
    }
  }

  /** What is kept, in place of an answer that cannot be had. */
  #standIn(
    stored: StoredAnswer | undefined,
    { directives }: CacheableRead,
    why: Forwarded,
    status: number | undefined,
  ): ReadResult | undefined {
    if (stored === undefined || stored.terms.sharing === 'nobody') return undefined;
    const nowMs = this.#clock.monotonicMs();
    if (!mayStandIn(stored, directives, nowMs)) return undefined;
    const leftSeconds = stored.leftSeconds(nowMs);
    const text = forwardedStatus(why, status === undefined ? { leftSeconds } : { status, leftSeconds });
    return { verdict: 'stale', status: text, answer: stored };
  }

  /** What is kept still holds, on the terms of the 304 (RFC 9111 section 4.3.4). */
  #confirmed(
    read: CacheableRead,
    kept: StoredAnswer,
    answer: Answer,
    askedMs: number,
    flight: Flight,
    why: Forwarded,
  ): ReadResult {
    const headers = updatedHeaders(kept.headers, answer.headers);
    const terms = this.#terms(read, kept.status, headers, askedMs);
    const confirmed = this.#storedAnswer(read, kept.status, headers, kept.body, terms);
    this.#keep(confirmed, kept, flight);
    flight.settle(terms.sharing === 'nobody' ? 'unshared' : confirmed);
    const leftSeconds = confirmed.leftSeconds(this.#clock.monotonicMs());
    const status = forwardedStatus(why, { status: 304, leftSeconds, stored: terms.sharing !== 'nobody' });
    return { verdict: 'revalidated', status, answer: confirmed };
  }

  /** A new answer, of which a copy is kept if it may be. */
  #fetched(
    read: CacheableRead,
    kept: StoredAnswer | undefined,
    answer: Answer,
    askedMs: number,
    flight: Flight,
    why: Forwarded,
  ): ReadResult {
    const headers = withDate(answer.headers, this.#clock.wallMs());
    const terms = this.#terms(read, answer.status, headers, askedMs);
    const { body } = answer;
    const keep = (copy: Buffer): void => {
      const stored = this.#storedAnswer(read, answer.status, headers, copy, terms);
      this.#keep(stored, kept, flight);
      flight.settle(stored);
    };
    const shared = terms.sharing !== 'nobody' && this.#fits(answer);
    if (!shared || body instanceof Duplex) {
      this.#notKept(read, kept, answer.status, headers, terms, flight);
      return { verdict: 'miss', status: forwardedStatus(why), answer };
    }
    if (Buffer.isBuffer(body)) {
      keep(copied(body));
      return { verdict: 'miss', status: forwardedStatus(why, { stored: true }), answer };
    }
    const copy = new CopiedStream(body, this.#maxEntryBytes, (whole) =>
      whole === undefined ? flight.settle('unshared') : keep(whole),
    );
    flight.onDeserted = () => copy.cancel();
    // When the client that it flows to has left, it goes on for those who wait.
    read.client.onOver(() => {
      if (flight.waiting > 0) copy.goOnAlone();
    });
    return { verdict: 'miss', status: forwardedStatus(why), answer: { ...answer, body: copy } };
  }

  #fits({ headers, body }: Answer): boolean {
    const length = Buffer.isBuffer(body) ? body.length : Number(headers['content-length'] ?? 0);
    return length <= this.#maxEntryBytes && !isEventStream(headers);
  }

  #keep(stored: StoredAnswer, instead: StoredAnswer | undefined, flight: Flight): void {
    if (instead !== undefined) this.#store.delete(instead);
    if (stored.terms.sharing !== 'nobody' && !flight.overtaken) this.#store.put(stored);
  }

  /** What was kept is no longer what the upstream answers. That nothing can be kept instead is worth knowing. */
  #notKept(
    read: CacheableRead,
    kept: StoredAnswer | undefined,
    status: number,
    headers: IncomingHttpHeaders,
    terms: Terms,
    flight: Flight,
  ): void {
    flight.settle('unshared');
    // An error says nothing about what comes next.
    if (status >= 400) {
      if (kept !== undefined && status < 500) this.#store.delete(kept);
      return;
    }
    if (kept !== undefined) this.#store.delete(kept);
    const unkept = { ...terms, sharing: 'nobody', lifetimeSeconds: unkeptSeconds, initialAgeSeconds: 0 } as const;
    if (!flight.overtaken) this.#store.put(this.#storedAnswer(read, status, { vary: headers.vary }, noBytes, unkept));
  }

  #terms(read: CacheableRead, status: number, headers: IncomingHttpHeaders, askedMs: number): Terms {
    const times = { receivedMs: this.#clock.wallMs(), delayMs: this.#clock.monotonicMs() - askedMs };
    return termsOf(read.principal !== undefined, status, headers, times);
  }

  #storedAnswer(
    { uri, route, principal, read }: CacheableRead,
    status: number,
    headers: IncomingHttpHeaders,
    body: Buffer,
    terms: Terms,
  ): StoredAnswer {
    const selection = selectionOf(variedNames(headers), read);
    const owner = terms.sharing === 'principal' ? principal : undefined;
    const key = { uri, route, principal: owner, selection };
    return new StoredAnswer({ key, status, headers, body, terms, storedMs: this.#clock.monotonicMs() });
  }
}

function forwardedBecause(reuse: Reuse | undefined, othersAreKept: boolean): Forwarded {
  if (reuse === undefined) return othersAreKept ? 'vary-miss' : 'uri-miss';
  return reuse === 'asked' ? 'request' : 'stale';
}

/** A recipient with a clock dates what came without (RFC 9110 section 6.6.1). */
function withDate(headers: IncomingHttpHeaders, wallMs: number): IncomingHttpHeaders {
  return headers.date === undefined ? { ...headers, date: new Date(wallMs).toUTCString() } : headers;
}

/** Bytes of its own: what comes from a connection is a part of its buffer, all of which would be kept. */
function copied(body: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(body.length);
  body.copy(copy);
  return copy;
}

/** Addresses of the same host that an answer names as changed (RFC 9111 section 4.4). */
function namedAddresses(uri: string, headers: IncomingHttpHeaders): readonly string[] {
  return [headers.location, headers['content-location']].flatMap((reference) => {
    if (typeof reference !== 'string' || !URL.canParse(reference, uri)) return [];
    const { origin, pathname, search } = new URL(reference, uri);
    return origin === new URL(uri).origin ? [`${origin}${pathname}${search}`] : [];
  });
}
