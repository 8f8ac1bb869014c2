import { topicNameSchema } from '@grapevine/shared/contracts/topic-name.ts';
import { DataDamage, readStored, unlessDamaged } from '../store/damage.ts';
import type { KeyValueReader } from '../store/key-value.ts';
import { everything, postingOfKey, seqKey, successor, topicOfKey, topicOfPosting } from '../store/keys.ts';
import type { LogStore } from '../store/log-store.ts';
import { entryIn, segmentAt } from '../store/stored-log.ts';
import { postingsOf } from '../views/postings.ts';
import { correctTopic, isSameDifference, TopicCount, type TopicDifference } from '../views/topic-count.ts';
import { segmentFirstHlc } from '../wire/segment.ts';
import type { Mender } from './mender.ts';

/** Messages counted in one turn of the event loop: some milliseconds. */
const sliceMessages = 2_048;
/** Postings held against their segments in one turn: each takes decoding a segment. */
const slicePostings = 32;

type Store = Pick<LogStore, 'flushed' | 'maintain'>;

/**
 * Counts every topic anew, and puts right what is not what its postings come to; also takes out postings of which the logs
 * know nothing. Those that are missing or wrong have been put right where their segments were looked at. Yields how many
 * messages it has counted since it last did.
 */
export async function* scrubTopics(store: Store, mender: Mender): AsyncGenerator<number, void> {
  let from = everything.from;
  for (let key = firstKey(store.flushed, from); key !== undefined; key = firstKey(store.flushed, from)) {
    const topic = topicOf(key);
    // Else it is no key of a posting at all.
    if (topic === undefined) {
      await removePosting(store, mender, key);
      from = successor(key);
    } else {
      yield* scrubTopic(store, mender, topic);
      from = postingsOf(topic).to;
    }
  }
  for (const topic of topicsListed(store.flushed)) {
    if (firstKey(store.flushed, postingsOf(topic).from, postingsOf(topic).to) !== undefined) continue;
    yield* scrubTopic(store, mender, topic);
  }
}

async function* scrubTopic(store: Store, mender: Mender, topic: string): AsyncGenerator<number, void> {
  let difference = yield* confirmedDifference(store.flushed, topic);
  if (difference === 'none') return;
  if ((yield* removeStrays(store, mender, topic)) > 0) difference = yield* confirmedDifference(store.flushed, topic);
  if (typeof difference === 'string') return;
  const found = difference;
  await store.maintain((batch) => correctTopic(batch, topic, found));
  mender.viewsMended(1, { topic, count: found.count, bytes: found.bytes });
}

/** What two walks agree on; `unknown` when something cannot be read or changes all the time. */
function* confirmedDifference(
  reader: KeyValueReader,
  topic: string,
): Generator<number, TopicDifference | 'none' | 'unknown'> {
  try {
    const first = yield* count(reader, topic);
    if (first === undefined) return 'none';
    const second = yield* count(reader, topic);
    if (second === undefined) return 'none';
    return isSameDifference(first, second) ? second : 'unknown';
  } catch (error) {
    if (!(error instanceof DataDamage)) throw error;
    return 'unknown';
  }
}

function* count(reader: KeyValueReader, topic: string): Generator<number, TopicDifference | undefined> {
  const walk = new TopicCount(reader, topic);
  for (;;) {
    const { counted, isDone } = walk.advance(sliceMessages);
    // In the same turn as the last messages were counted: nothing can change in between.
    const difference = isDone ? walk.difference() : undefined;
    yield counted;
    if (isDone) return difference;
  }
}

/** Takes out postings that no segment explains. Answers how many. */
async function* removeStrays(store: Store, mender: Mender, topic: string): AsyncGenerator<number, number> {
  let removed = 0;
  for (let { from, to } = postingsOf(topic); ; ) {
    const strays: Uint8Array[] = [];
    let looked = 0;
    for (const [key] of store.flushed.range('postings', { from, to })) {
      if (isStray(store.flushed, key, topic)) strays.push(key.slice());
      from = successor(key);
      looked += 1;
      if (looked === slicePostings) break;
    }
    for (const key of strays) if (await removePosting(store, mender, key, topic)) removed += 1;
    if (looked < slicePostings) return removed;
    yield looked * slicePostings;
  }
}

/** Answers false when it is no stray any more. */
async function removePosting(store: Store, mender: Mender, key: Uint8Array, topic?: string): Promise<boolean> {
  const removed = await store.maintain((batch) => {
    if (!isStray(batch, key, topic)) return false;
    batch.delete('postings', key);
    return true;
  });
  if (removed) mender.viewsMended(1, { posting: key.toHex() });
  return removed;
}

/** Whether the logs know of nothing to show there. What cannot be read now may well have been there. */
function isStray(reader: KeyValueReader, key: Uint8Array, topic: string | undefined): boolean {
  if (topic === undefined || topicOf(key) !== topic) return topicOf(key) === undefined;
  const { hlc, origin, firstSeq } = postingOfKey(key);
  return (
    unlessDamaged(() => {
      const segment = segmentAt(reader, origin, firstSeq);
      if (segment?.firstSeq !== firstSeq || segmentFirstHlc(segment) !== hlc) return true;
      return segment.records.every((_, i) => {
        const isShown = reader.get('hidden', seqKey(origin, firstSeq + i)) === undefined;
        return !isShown || entryIn(segment, firstSeq + i)?.topic !== topic;
      });
    }) ?? false
  );
}

/** The topic that a key of `postings` belongs to; undefined when it is no such key. */
function topicOf(key: Uint8Array): string | undefined {
  if (key.length < 32 || key.at(-31) !== 0) return undefined;
  const topic = unlessDamaged(() => readStored('Posting', () => topicOfPosting(key)));
  return topicNameSchema.safeParse(topic).data;
}

/** Reads anew for each: never an iterator over an await. */
function* topicsListed(reader: KeyValueReader): Generator<string> {
  for (let from = everything.from; ; ) {
    const [next] = reader.range('topics', { from, to: everything.to });
    if (next === undefined) return;
    const topic = unlessDamaged(() => readStored('Topic', () => topicOfKey(next[0])));
    from = successor(next[0]);
    if (topic !== undefined) yield topic;
  }
}

function firstKey(reader: KeyValueReader, from: Uint8Array, to = everything.to): Uint8Array | undefined {
  const [first] = reader.range('postings', { from, to });
  return first?.[0].slice();
}
