import { lastKey, successor, topicOfKey } from '../store/keys.ts';
import { segmentFrom } from '../store/stored-log.ts';
import { compareMessages, type PostedMessage, type TopicPlace, walkForward } from '../views/postings.ts';
import { decodeTopicRecord } from '../views/topic-record.ts';
import { entryLength, type Segment } from '../wire/segment.ts';
import { readCut, writeCut } from './progress.ts';
import type { RetentionRules } from './rules.ts';
import type { Slice } from './slice.ts';

/**
 * Goes through the topics from the key `from` on and erases the oldest messages of those that are too large by their rule.
 * Answers the key to go on from; undefined at the end.
 */
export function eraseBySize(slice: Slice, rules: RetentionRules, from: Uint8Array): Uint8Array | undefined {
  const due = new DueEntries(slice);
  let stoppedAt: Uint8Array | undefined;
  for (const [key, value] of slice.batch.range('topics', { from, to: lastKey })) {
    slice.spend(value.length);
    const topic = topicOfKey(key);
    const maxBytes = rules.of(topic)?.maxBytes;
    if (maxBytes !== undefined) collect(slice, due, topic, decodeTopicRecord(topic, value).bytes - maxBytes);
    if (slice.isFull) {
      stoppedAt = key;
      break;
    }
  }
  due.erase();
  // The last topic may not be done with; but where nothing could be erased, the next time would come to nothing either.
  return stoppedAt === undefined || slice.erased.length > 0 ? stoppedAt : successor(stoppedAt);
}

/**
 * Puts the oldest messages of `topic`, `excess` bytes of them, and all up to its cut into `due`. Stops where a segment cannot
 * be read: how much would go with it is not known, and newer messages must not go in its stead.
 */
function collect(slice: Slice, due: DueEntries, topic: string, excess: number): void {
  const cut = readCut(slice.batch, topic);
  let left = excess;
  let newCut: TopicPlace | undefined;
  for (const message of walkForward(slice.batch, topic)) {
    const isLate = cut !== undefined && compareMessages(message, cut) <= 0;
    if ((left <= 0 && !isLate) || slice.isFull) break;
    const bytes = due.add(message);
    if (bytes === undefined) break;
    left -= bytes;
    if (!isLate) newCut = message;
  }
  if (newCut !== undefined) writeCut(slice.batch, topic, newCut);
}

interface DueInSegment {
  readonly segment: Segment;
  readonly seqs: number[];
}

/** Entries to erase, gathered by segment, so that each is rewritten once whatever number of topics it has. */
class DueEntries {
  readonly #slice: Slice;
  readonly #segments = new Map<string, DueInSegment>();

  constructor(slice: Slice) {
    this.#slice = slice;
  }

  /** Answers how many bytes the entry takes; undefined, and it is left out, when its segment cannot be read. */
  add({ origin, firstSeq, seq }: PostedMessage): number | undefined {
    const name = `${origin}/${firstSeq}`;
    const due = this.#segments.get(name) ?? this.#read(origin, firstSeq);
    if (due === undefined) return undefined;
    this.#segments.set(name, due);
    due.seqs.push(seq);
    return entryLength(due.segment, seq);
  }

  erase(): void {
    for (const { segment, seqs } of this.#segments.values()) {
      seqs.sort((a, b) => a - b);
      this.#slice.erase(segment, seqs);
    }
  }

  #read(origin: string, firstSeq: number): DueInSegment | undefined {
    try {
      const segment = segmentFrom(this.#slice.batch, origin, firstSeq);
      this.#slice.spend(segment.bytes.length);
      return { segment, seqs: [] };
    } catch (error) {
      this.#slice.skip(error);
      return undefined;
    }
  }
}
