import { packHlc } from '@grapevine/shared/log/hlc.ts';
import { compareMessages, type PostedMessage, type TopicPlace } from './postings.ts';
import type { StoredEntry } from './views.ts';

/** Which messages of a topic are wanted; what is absent does not matter. */
export interface MessageFilter {
  readonly author?: string | undefined;
  readonly key?: string | undefined;
  /** By the messages' clock values, in milliseconds since 1970: from `fromMs` on, and before `untilMs`. */
  readonly fromMs?: number | undefined;
  readonly untilMs?: number | undefined;
}

/**
 * Entries, and bytes of their bodies, that one page looks at to find those of an author or with a key. Looking at so many
 * small ones takes about 15 ms the first time, in which the node does nothing else.
 */
const maxLookedAt = 512;
const maxBytesLookedAt = 4 * 1024 * 1024;

/** The places, exclusive, between which messages of the filter's time lie. */
export function timeBounds({ fromMs, untilMs }: MessageFilter): { lower?: TopicPlace; upper?: TopicPlace } {
  return {
    // Behind all that the tick before could hold, and in front of all of its own.
    ...(fromMs === undefined ? {} : { lower: { hlc: packHlc(fromMs, 0) - 1n, origin: 'f'.repeat(32), seq: 2 ** 48 } }),
    ...(untilMs === undefined ? {} : { upper: { hlc: packHlc(untilMs, 0), origin: '', seq: -1 } }),
  };
}

/** What of a walk lies before `far`, in the direction of the walk. */
export function* upTo(walk: Generator<PostedMessage>, far: TopicPlace, forward: boolean): Generator<PostedMessage> {
  for (const message of walk) {
    const order = compareMessages(message, far);
    if (forward ? order >= 0 : order <= 0) return;
    yield message;
  }
}

/** The nearer of two places from which to walk: the later one forward, the earlier one backward. */
export function nearer(
  one: TopicPlace | undefined,
  other: TopicPlace | undefined,
  forward: boolean,
): TopicPlace | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return compareMessages(one, other) > 0 === forward ? one : other;
}

/** Tells wanted messages from others by their entries, as long as its budget lasts. */
export class FilterLook {
  readonly #filter: MessageFilter;
  readonly #entryOf: (message: PostedMessage) => StoredEntry | undefined;
  #entries = 0;
  #bytes = 0;

  constructor(filter: MessageFilter, entryOf: (message: PostedMessage) => StoredEntry | undefined) {
    this.#filter = filter;
    this.#entryOf = entryOf;
  }

  get spent(): boolean {
    return this.#entries >= maxLookedAt || this.#bytes >= maxBytesLookedAt;
  }

  wants(message: PostedMessage): boolean {
    const { author, key } = this.#filter;
    // Places alone tell all that is asked for.
    if (author === undefined && key === undefined) return true;
    const entry = this.#entryOf(message)?.entry;
    this.#entries++;
    if (entry === undefined) return false;
    this.#bytes += entry.body.length;
    return (author === undefined || entry.author === author) && (key === undefined || entry.key === key);
  }
}
