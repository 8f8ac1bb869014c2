import type { Vector } from '@grapevine/shared/contracts/consistency-token.ts';
import type { TopicPosition } from '@grapevine/shared/contracts/cursor.ts';
import type { Topic } from '@grapevine/shared/contracts/node-api.ts';
import { equalBytes, fromHex } from '@grapevine/shared/log/bytes.ts';
import { hlcFromHex, hlcToHex } from '@grapevine/shared/log/hlc.ts';
import { originAt, readHeads } from '../store/head-record.ts';
import type { Change, KeyValueReader } from '../store/key-value.ts';
import { firstKey, lastKey, postingKey, seqKey, seqOfKey, successor, topicKey, topicOfKey } from '../store/keys.ts';
import { segmentAt, treeOf } from '../store/stored-log.ts';
import { type Segment, segmentFirstHlc } from '../wire/segment.ts';
import { ownerOf } from './duplicates.ts';
import type { Indexes } from './indexes.ts';
import { FilterLook, type MessageFilter, nearer, timeBounds, upTo } from './message-filter.ts';
import {
  compareMessages,
  type PostedMessage,
  postedRecords,
  type TopicPlace,
  walkBackward,
  walkForward,
} from './postings.ts';
import type { SegmentCache } from './segment-cache.ts';
import { decodeTopicRecord, emptyTopic, topicOf } from './topic-record.ts';
import type { Page, PageQuery, StoredEntry, Views } from './views.ts';

/** Entries that one call of `since` looks at: bounds how long it takes when hardly any is of a wanted topic. */
const maxScanned = 2048;

/** The views over what a store has flushed. Each call reads one snapshot. */
export class StoredViews implements Views {
  readonly #reader: KeyValueReader;
  readonly #indexes: Indexes;
  readonly #segments: SegmentCache;
  readonly #topicListeners = new Set<(changed: readonly Topic[]) => void>();

  constructor(reader: KeyValueReader, indexes: Indexes, segments: SegmentCache) {
    this.#reader = reader;
    this.#indexes = indexes;
    this.#segments = segments;
  }

  vector(): Vector {
    return new Map(readHeads(this.#reader).map(({ head }) => [head.origin, head.size]));
  }

  count(): number {
    return readHeads(this.#reader).reduce((sum, { head }) => sum + head.size, 0);
  }

  topics(limit: number, after?: string): Topic[] {
    const from = after === undefined ? firstKey : successor(topicKey(after));
    const topics: Topic[] = [];
    for (const [key, record] of this.#reader.range('topics', { from, to: lastKey })) {
      if (topics.length >= limit) break;
      const name = topicOfKey(key);
      topics.push(topicOf(name, decodeTopicRecord(name, record)));
    }
    return topics;
  }

  topic(name: string): Topic | undefined {
    const record = this.#reader.get('topics', topicKey(name));
    return record === undefined ? undefined : topicOf(name, decodeTopicRecord(name, record));
  }

  page(query: PageQuery): Page {
    const forward = query.direction === 'forward';
    const [start, end] = forward ? [query.after, query.before] : [query.before, query.after];
    const [from, bound] = [placeOf(start), placeOf(end)];
    const { topic, limit, filter = {} } = query;
    const inWindow = (message: PostedMessage) =>
      bound === undefined || (forward ? compareMessages(message, bound) < 0 : compareMessages(message, bound) > 0);
    const look = new FilterLook(filter, ({ origin, firstSeq, seq }) => this.#segments.entry(origin, firstSeq, seq));
    const { found, more, stop } = take(this.#walk(topic, forward, from, filter), limit, inWindow, look);
    const behind = from !== undefined && hasAny(this.#walk(topic, !forward, found[0] ?? bound, filter));
    const items = found.flatMap(({ origin, firstSeq, seq }) => this.#segments.entry(origin, firstSeq, seq) ?? []);
    const stopped = stop === undefined ? {} : { stop: positionOf(stop) };
    return forward
      ? { items, hasNext: more, hasPrevious: behind, ...stopped }
      : { items: items.reverse(), hasNext: behind, hasPrevious: more, ...stopped };
  }

  message(id: string): StoredEntry | undefined {
    const place = this.locate(id);
    return place === undefined ? undefined : this.entry(place.origin, place.seq);
  }

  locate(id: string): { readonly origin: string; readonly seq: number } | undefined {
    const wanted = fromHex(id);
    for (const place of this.#indexes.ids.find(this.#reader, wanted)) {
      const origin = originAt(this.#reader, place);
      if (origin === undefined || !equalBytes(treeOf(this.#reader, origin).node(0, place.seq), wanted)) continue;
      return { origin, seq: place.seq };
    }
    return undefined;
  }

  entry(origin: string, seq: number): StoredEntry | undefined {
    const segment = segmentAt(this.#reader, origin, seq);
    return segment === undefined ? undefined : this.#segments.entry(origin, segment.firstSeq, seq);
  }

  byIdempotencyKey(author: string, key: string): StoredEntry | undefined {
    const owner = ownerOf(this.#reader, this.#indexes, author, key);
    if (owner === undefined) return undefined;
    return this.#segments.entry(owner.entry.origin, owner.segment.firstSeq, owner.entry.seq);
  }

  since(
    since: Vector,
    topics: ReadonlySet<string>,
    limit: number,
  ): { items: StoredEntry[]; vector: Vector; more: boolean } {
    const vector = new Map(since);
    const items: StoredEntry[] = [];
    let budget = maxScanned;
    const heads = readHeads(this.#reader);
    for (const { head } of heads) {
      const { origin } = head;
      let seq = since.get(origin) ?? 0;
      let segment = segmentAt(this.#reader, origin, seq);
      while (segment !== undefined && items.length < limit && budget > 0) {
        const { firstSeq } = segment;
        const wanted = this.#visibleIn(segment, topics).filter((place) => place >= seq);
        const taken = wanted.slice(0, limit - items.length);
        items.push(...taken.flatMap((place) => this.#segments.entry(origin, firstSeq, place) ?? []));
        budget -= Math.max(segment.records.length, topics.size);
        seq = wanted[taken.length] ?? segment.head.size;
        // Only at the end of this segment does the next one start at `seq`.
        segment = seq === segment.head.size && seq < head.size ? this.#segments.segment(origin, seq) : undefined;
      }
      if (seq > 0) vector.set(origin, seq);
    }
    const more = heads.some(({ head }) => (vector.get(head.origin) ?? 0) < head.size);
    return { items, vector, more };
  }

  onTopics(listener: (changed: readonly Topic[]) => void): () => void {
    this.#topicListeners.add(listener);
    return () => this.#topicListeners.delete(listener);
  }

  /** Tells the listeners what `changes`, now flushed, did to topics. */
  announce(changes: Iterable<Change>): void {
    if (this.#topicListeners.size === 0) return;
    const changed: Topic[] = [];
    for (const { table, key, value } of changes) {
      if (table !== 'topics') continue;
      const name = topicOfKey(key);
      changed.push(topicOf(name, value === undefined ? emptyTopic : decodeTopicRecord(name, value)));
    }
    if (changed.length > 0) for (const listener of this.#topicListeners) listener(changed);
  }

  /** Sequence numbers of the segment's visible entries in any of `topics`, empty meaning all; ascending. */
  #visibleIn(segment: Segment, topics: ReadonlySet<string>): number[] {
    const { origin, firstSeq, head } = segment;
    if (topics.size === 0) {
      const range = { from: seqKey(origin, firstSeq), to: seqKey(origin, head.size) };
      const hidden = new Set(Array.from(this.#reader.range('hidden', range), ([key]) => seqOfKey(key)));
      return segment.records.map((_, i) => firstSeq + i).filter((seq) => !hidden.has(seq));
    }
    const place = { hlc: segmentFirstHlc(segment), origin, firstSeq };
    const posted = [...topics].flatMap((topic) => {
      const posting = this.#reader.get('postings', postingKey(topic, place));
      return posting === undefined ? [] : [...postedRecords(posting)];
    });
    return posted.map((record) => firstSeq + record).sort((a, b) => a - b);
  }

  #walk(
    topic: string,
    forward: boolean,
    start: TopicPlace | undefined,
    filter: MessageFilter,
  ): Generator<PostedMessage> {
    const { lower, upper } = timeBounds(filter);
    const near = nearer(start, forward ? lower : upper, forward);
    const walk = forward ? walkForward(this.#reader, topic, near) : walkBackward(this.#reader, topic, near);
    const far = forward ? upper : lower;
    return far === undefined ? walk : upTo(walk, far, forward);
  }
}

/** The first wanted messages of a walk that `inWindow` accepts, whether anything comes after them, and where the look was spent. */
function take(
  walk: Generator<PostedMessage>,
  limit: number,
  inWindow: (message: PostedMessage) => boolean,
  look: FilterLook,
): { found: PostedMessage[]; more: boolean; stop?: PostedMessage } {
  const found: PostedMessage[] = [];
  let last: PostedMessage | undefined;
  for (const message of walk) {
    if (found.length === limit || !inWindow(message)) return { found, more: true };
    if (look.spent && last !== undefined) return { found, more: true, stop: last };
    if (look.wants(message)) found.push(message);
    last = message;
  }
  return { found, more: false };
}

function hasAny(walk: Generator<PostedMessage>): boolean {
  const found = walk.next().done !== true;
  walk.return(undefined);
  return found;
}

function placeOf(position: TopicPosition | undefined): TopicPlace | undefined {
  return position === undefined ? undefined : { ...position, hlc: hlcFromHex(position.hlc) };
}

function positionOf({ hlc, origin, seq }: TopicPlace): TopicPosition {
  return { hlc: hlcToHex(hlc), origin, seq };
}
