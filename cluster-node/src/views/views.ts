import type { Vector } from '@grapevine/shared/contracts/consistency-token.ts';
import type { TopicPosition } from '@grapevine/shared/contracts/cursor.ts';
import type { Topic } from '@grapevine/shared/contracts/node-api.ts';
import type { Entry } from '@grapevine/shared/log/entry.ts';
import type { MessageFilter } from './message-filter.ts';

/** An entry with its place in its origin's tree. `id` is the leaf hash in hex. */
export interface StoredEntry {
  readonly id: string;
  readonly entry: Entry;
}

export interface PageQuery {
  readonly topic: string;
  readonly limit: number;
  readonly direction: 'forward' | 'backward';
  /** Exclusive bounds in topic order. */
  readonly after?: TopicPosition;
  readonly before?: TopicPosition;
  readonly filter?: MessageFilter;
}

export interface Page {
  /** In topic order, whatever the direction. */
  readonly items: readonly StoredEntry[];
  readonly hasNext: boolean;
  readonly hasPrevious: boolean;
  /** The last message that was looked at, when a filter's search ended before it had found enough: from there it goes on. */
  readonly stop?: TopicPosition;
}

/** The read model: projections of the logs, written in the same transaction as the segments they come from. */
export interface Views {
  /** Flushed entries per origin. */
  vector(): Vector;
  /** Topics in byte order of their names, after `after`. */
  topics(limit: number, after?: string): Topic[];
  topic(name: string): Topic | undefined;
  /**
   * One page of a topic; an unknown topic gives an empty page. Hidden duplicates (same author and idempotency key) are left out.
   * With a filter for author or key a page may have fewer items than there are, or none, and `stop`; and the messages that
   * `hasNext` and `hasPrevious` tell of are of the filter's time, but may be others' or have other keys.
   */
  page(query: PageQuery): Page;
  message(id: string): StoredEntry | undefined;
  /** The place of a message by id, also when its body has been erased. */
  locate(id: string): { readonly origin: string; readonly seq: number } | undefined;
  entry(origin: string, seq: number): StoredEntry | undefined;
  /** The message that owns this author's idempotency key: the one with the smallest `(hlc, origin, seq)`. */
  byIdempotencyKey(author: string, key: string): StoredEntry | undefined;
  /**
   * Entries that `since` does not cover, each origin's in order, `topics` empty meaning all. `vector` is what a reader has
   * seen after these items (skipped ones of other topics included), `more` whether it should ask again at once.
   */
  since(
    since: Vector,
    topics: ReadonlySet<string>,
    limit: number,
  ): { items: StoredEntry[]; vector: Vector; more: boolean };
  /** Messages over all origins. */
  count(): number;
  /**
   * Calls back, until the returned function is called, with the topics that a write changed, as they are once it is flushed; whatever the reason
   * (new, hidden or erased messages). One that has no messages any more has count 0.
   */
  onTopics(listener: (changed: readonly Topic[]) => void): () => void;
}
