import type { IncomingHttpHeaders } from 'node:http';
import { Duplex } from 'node:stream';
import type { Clock } from '@grapevine/shared/clock.ts';
import type { Answer } from '../upstreams/answer.ts';
import { isEventStream } from '../upstreams/attempt.ts';
import { ClientGone } from '../upstreams/failures.ts';
import type { AnswerStore } from './answer-store.ts';
import { type Forwarded, forwardedStatus } from './cache-status.ts';
import type { CacheableRead, ReadResult } from './cacheable-read.ts';
import { conditionsFor, confirms, updatedHeaders } from './conditions.ts';
import { CopiedStream } from './copied-stream.ts';
import type { Flight } from './flight.ts';
import { isStandInStatus, type Reuse, reuseOf } from './reuse.ts';
import { standInFor } from './stand-in.ts';
import { StoredAnswer, type Terms } from './stored-answer.ts';
import { termsOf } from './terms.ts';
import { selectionOf, variedNames } from './vary.ts';

/** Where answers are kept. */
export interface Keeping {
  readonly store: AnswerStore;
  readonly clock: Clock;
  /** Longer bodies are not kept. */
  readonly maxEntryBytes: number;
}

/**
 * For so long it is remembered that an answer cannot be kept: requests for it then neither wait for each other nor lose
 * their conditions.
 */
const unkeptSeconds = 10;
const noBytes = Buffer.alloc(0);

/**
 * The request that asks the upstream, for itself and for all who wait for the same: it settles their flight, and keeps what comes
 * if that may be kept.
 */
export class LeadingRead {
  readonly #keeping: Keeping;
  readonly #read: CacheableRead;
  readonly #flight: Flight;
  /** What is kept, as far as somebody may have it. */
  readonly #kept: StoredAnswer | undefined;
  readonly #askedMs: number;
  readonly #why: Forwarded;

  /** `kept` is what the store has for the request. */
  constructor(keeping: Keeping, read: CacheableRead, flight: Flight, kept: StoredAnswer | undefined) {
    const { store, clock } = keeping;
    this.#keeping = keeping;
    this.#read = read;
    this.#flight = flight;
    this.#kept = kept?.terms.sharing === 'nobody' ? undefined : kept;
    this.#askedMs = clock.monotonicMs();
    const reuse = this.#kept === undefined ? undefined : reuseOf(this.#kept, read.directives, this.#askedMs);
    this.#why = forwardedBecause(reuse, store.variedNames(read.uri, read.route) !== undefined);
  }

  /** Asks, with the conditions that what is kept allows. Rejects as `Forwarding.answer` does. */
  async answer(): Promise<ReadResult> {
    const read = this.#read;
    const kept = this.#kept;
    const flight = this.#flight;
    try {
      const { exchange, answer: coming } = read.fetch(kept === undefined ? [] : conditionsFor(kept.headers));
      read.client.asked(exchange);
      flight.onDeserted = () => exchange.leave();
      read.client.onOver(flight.join());
      const answer = await coming;
      if (answer.status === 304 && kept !== undefined) {
        if (confirms(answer.headers, kept.headers)) return this.#confirmed(kept, answer);
        this.#keeping.store.delete(kept);
        return await new LeadingRead(this.#keeping, read, flight, undefined).answer();
      }
      if (isStandInStatus(answer.status)) {
        const standIn = this.#standIn(answer.status);
        if (standIn !== undefined) {
          if ('cancel' in answer.body) answer.body.cancel();
          flight.settle('failed');
          return standIn;
        }
      }
      return this.#fetched(answer);
    } catch (error) {
      flight.settle('failed');
      const standIn = error instanceof ClientGone ? undefined : this.#standIn(undefined);
      if (standIn === undefined) throw error;
      return standIn;
    }
  }

  #standIn(status: number | undefined): ReadResult | undefined {
    const nowMs = this.#keeping.clock.monotonicMs();
    return standInFor(this.#kept, this.#read.directives, nowMs, this.#why, status);
  }

  /** What is kept still holds, on the terms of the 304 (RFC 9111 section 4.3.4). */
  #confirmed(kept: StoredAnswer, answer: Answer): ReadResult {
    const headers = updatedHeaders(kept.headers, answer.headers);
    const terms = this.#terms(kept.status, headers);
    const confirmed = this.#storedAnswer(kept.status, headers, kept.body, terms);
    this.#keep(confirmed);
    this.#flight.settle(terms.sharing === 'nobody' ? 'unshared' : confirmed);
    const leftSeconds = confirmed.leftSeconds(this.#keeping.clock.monotonicMs());
    const status = forwardedStatus(this.#why, { status: 304, leftSeconds, stored: terms.sharing !== 'nobody' });
    return { verdict: 'revalidated', status, answer: confirmed };
  }

  /** A new answer, of which a copy is kept if it may be. */
  #fetched(answer: Answer): ReadResult {
    const { clock, maxEntryBytes } = this.#keeping;
    const flight = this.#flight;
    const headers = withDate(answer.headers, clock.wallMs());
    const terms = this.#terms(answer.status, headers);
    const { body } = answer;
    const keep = (copy: Buffer): void => {
      const stored = this.#storedAnswer(answer.status, headers, copy, terms);
      this.#keep(stored);
      flight.settle(stored);
    };
    const shared = terms.sharing !== 'nobody' && this.#fits(answer);
    if (!shared || body instanceof Duplex) {
      this.#notKept(answer.status, headers, terms);
      return { verdict: 'miss', status: forwardedStatus(this.#why), answer };
    }
    if (Buffer.isBuffer(body)) {
      keep(copied(body));
      return { verdict: 'miss', status: forwardedStatus(this.#why, { stored: true }), answer };
    }
    const copy = new CopiedStream(body, maxEntryBytes, (whole) =>
      whole === undefined ? flight.settle('unshared') : keep(whole),
    );
    flight.onDeserted = () => copy.cancel();
    // When the client that it flows to has left, it goes on for those who wait.
    this.#read.client.onOver(() => {
      if (flight.waiting > 0) copy.goOnAlone();
    });
    return { verdict: 'miss', status: forwardedStatus(this.#why), answer: { ...answer, body: copy } };
  }

  #fits({ headers, body }: Answer): boolean {
    const length = Buffer.isBuffer(body) ? body.length : Number(headers['content-length'] ?? 0);
    return length <= this.#keeping.maxEntryBytes && !isEventStream(headers);
  }

  #keep(stored: StoredAnswer): void {
    const { store } = this.#keeping;
    if (this.#kept !== undefined) store.delete(this.#kept);
    if (stored.terms.sharing !== 'nobody' && !this.#flight.overtaken) store.put(stored);
  }

  /** What was kept is no longer what the upstream answers. That nothing can be kept instead is worth knowing. */
  #notKept(status: number, headers: IncomingHttpHeaders, terms: Terms): void {
    const { store } = this.#keeping;
    this.#flight.settle('unshared');
    // An error of the upstream says nothing about what comes next.
    if (this.#kept !== undefined && status < 500) store.delete(this.#kept);
    if (status >= 400 || this.#flight.overtaken) return;
    const unkept = { ...terms, sharing: 'nobody', lifetimeSeconds: unkeptSeconds, initialAgeSeconds: 0 } as const;
    store.put(this.#storedAnswer(status, { vary: headers.vary }, noBytes, unkept));
  }

  #terms(status: number, headers: IncomingHttpHeaders): Terms {
    const { clock } = this.#keeping;
    const times = { receivedMs: clock.wallMs(), delayMs: clock.monotonicMs() - this.#askedMs };
    return termsOf(this.#read.principal !== undefined, status, headers, times);
  }

  #storedAnswer(status: number, headers: IncomingHttpHeaders, body: Buffer, terms: Terms): StoredAnswer {
    const { uri, route, principal, read } = this.#read;
    const selection = selectionOf(variedNames(headers), read);
    const owner = terms.sharing === 'principal' ? principal : undefined;
    const key = { uri, route, principal: owner, selection };
    return new StoredAnswer({ key, status, headers, body, terms, storedMs: this.#keeping.clock.monotonicMs() });
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
