import type { Answer } from '../upstreams/answer.ts';
import type { Exchange } from '../upstreams/exchange.ts';
import type { Forwarding } from '../upstreams/forwarder.ts';
import type { Wanted } from './answer-store.ts';
import type { CacheDirectives } from './cache-control.ts';
import type { CacheVerdict } from './cache-status.ts';
import type { StoredAnswer } from './stored-answer.ts';

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

/** What a client is answered with. */
export interface ReadResult {
  readonly verdict: CacheVerdict;
  /** For `Cache-Status`. */
  readonly status: string;
  readonly answer: StoredAnswer | Answer;
}
