import type { IncomingHttpHeaders } from 'node:http';
import type { Clock } from '@grapevine/shared/clock.ts';
import type { Answer } from '../upstreams/answer.ts';
import { AnswerStore, type StoreBounds, type Wanted } from './answer-store.ts';
import type { CacheDirectives } from './cache-control.ts';
import { type CacheVerdict, forwardedStatus, hitStatus } from './cache-status.ts';
import type { CacheableRead, ReadResult, WaitingClient } from './cacheable-read.ts';
import { CopiedStream } from './copied-stream.ts';
import { Flight, Flights } from './flight.ts';
import { type Keeping, LeadingRead } from './leading-read.ts';
import { type Purge, purges } from './purge.ts';
import { reuseOf } from './reuse.ts';
import { standInFor } from './stand-in.ts';
import { StoredAnswer } from './stored-answer.ts';
import { selectionOf, selects } from './vary.ts';

export interface CacheOptions extends StoreBounds {
  /** Longer bodies pass by. */
  readonly maxEntryBytes: number;
  /** Longest that a request waits for what another one has asked, in milliseconds: that one's answer may be the slow one. */
  readonly joinMs: number;
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

/** For whom an answer is refreshed: the one that the client got was the old one. */
const nobody: WaitingClient = { asked: () => {}, onOver: () => {} };
/** Rounds of waiting for others, after which a request goes on alone: one that began before it came, and one after. */
const maxWaits = 2;

/** A shared cache (RFC 9111) that makes identical reads once. */
export class AnswerCache {
  readonly #store: AnswerStore;
  readonly #keeping: Keeping;
  readonly #joinMs: number;
  readonly #clock: Clock;
  readonly #flights = new Flights();
  readonly #requests = { hit: 0, stale: 0, revalidated: 0, collapsed: 0, miss: 0, bypass: 0 };
  #invalidations = 0;
  #order = 0;

  constructor(options: CacheOptions, clock: Clock) {
    this.#store = new AnswerStore(options);
    this.#keeping = { store: this.#store, clock, maxEntryBytes: options.maxEntryBytes };
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
      if (flight === undefined) return this.#lead(read, stored);
      const leave = flight.join();
      read.client.onOver(leave);
      const outcome = await flight.wait();
      leave();
      if (outcome === 'unshared') break;
      if (outcome === 'late') this.#flights.delete(flight);
      else if (outcome === 'failed') {
        const standIn = standInFor(stored, read.directives, this.#clock.monotonicMs(), 'stale', undefined);
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

  /** Asks the upstream for this request and for all who come to wait for the same. */
  #lead(read: CacheableRead, stored: StoredAnswer | undefined): Promise<ReadResult> {
    const flight = this.#newFlight(read);
    void flight.outcome.then(() => this.#flights.delete(flight));
    return new LeadingRead(this.#keeping, read, flight, stored).answer();
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
    this.#lead({ ...read, client: nobody }, stored).then(
      ({ answer }) => {
        // Whatever is still coming is for the copy.
        if (!(answer instanceof StoredAnswer) && answer.body instanceof CopiedStream) answer.body.goOnAlone();
        else if (!(answer instanceof StoredAnswer) && 'cancel' in answer.body) answer.body.cancel();
      },
      // The next request that needs it will meet the same trouble, and say so.
      () => {},
    );
  }
}

/** Addresses of the same host that an answer names as changed (RFC 9111 section 4.4). */
function namedAddresses(uri: string, headers: IncomingHttpHeaders): readonly string[] {
  return [headers.location, headers['content-location']].flatMap((reference) => {
    if (typeof reference !== 'string' || !URL.canParse(reference, uri)) return [];
    const { origin, pathname, search } = new URL(reference, uri);
    return origin === new URL(uri).origin ? [`${origin}${pathname}${search}`] : [];
  });
}
