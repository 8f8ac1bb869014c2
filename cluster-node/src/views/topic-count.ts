/** Counting anew what a topic comes to, from its postings, while they change. */
import { equalBytes } from '@grapevine/shared/log/bytes.ts';
import type { NodeReader } from '@grapevine/shared/merkle/tree-reader.ts';
import type { Batch } from '../store/batch.ts';
import { readStored, unlessDamaged } from '../store/damage.ts';
import type { KeyValueReader } from '../store/key-value.ts';
import { postingOfKey, successor, topicKey } from '../store/keys.ts';
import { treeOf } from '../store/stored-log.ts';
import { newestHlc, postedBytes, postedRecords, postingsOf } from './postings.ts';
import {
  addToDigest,
  decodeTopicRecord,
  digestBytes,
  emptyTopic,
  encodeTopicRecord,
  subtractFromDigest,
  type TopicRecord,
} from './topic-record.ts';

/** How much more the postings come to than the record says: negative when it is less, the digest modulo 2^256. */
export interface TopicDifference {
  readonly count: number;
  readonly bytes: number;
  readonly digest: Uint8Array;
}

/**
 * A walk over the postings of one topic, some at a time. What changes behind it makes its sum wrong, which must not pass for
 * damage: only when two walks one after the other come to the same difference is the record wrong. Changes would have to
 * be the same messages both times for that.
 */
export class TopicCount {
  readonly topic: string;
  readonly #reader: KeyValueReader;
  readonly #sum = { count: 0, bytes: 0, digest: new Uint8Array(digestBytes) };
  #from: Uint8Array;
  readonly #to: Uint8Array;

  constructor(reader: KeyValueReader, topic: string) {
    this.topic = topic;
    this.#reader = reader;
    const { from, to } = postingsOf(topic);
    this.#from = from;
    this.#to = to;
  }

  /**
   * Counts about `messages` more. When it is done, `difference` says what came of it as long as nothing changes. Throws
   * `DataDamage` when ids cannot be read.
   */
  advance(messages: number): { readonly counted: number; readonly isDone: boolean } {
    const trees = new Map<string, NodeReader>();
    let counted = 0;
    let last: Uint8Array | undefined;
    for (const [key, posting] of this.#reader.range('postings', { from: this.#from, to: this.#to })) {
      const { origin, firstSeq } = readStored('Posting', () => postingOfKey(key));
      const tree = trees.get(origin) ?? treeOf(this.#reader, origin);
      trees.set(origin, tree);
      for (const record of postedRecords(posting)) {
        addToDigest(this.#sum.digest, tree.node(0, firstSeq + record));
        this.#sum.count += 1;
        counted += 1;
      }
      this.#sum.bytes += postedBytes(posting);
      last = key;
      if (counted >= messages) break;
    }
    if (last !== undefined) this.#from = successor(last);
    return { counted, isDone: counted < messages };
  }

  /** Undefined when the record is right. */
  difference(): TopicDifference | undefined {
    const bytes = this.#reader.get('topics', topicKey(this.topic));
    const found = bytes === undefined ? emptyTopic : unlessDamaged(() => decodeTopicRecord(this.topic, bytes));
    const { count, bytes: length, digest, lastHlc } = found ?? emptyTopic;
    const difference = {
      count: this.#sum.count - count,
      bytes: this.#sum.bytes - length,
      digest: this.#sum.digest.slice(),
    };
    subtractFromDigest(difference.digest, digest);
    const isNone = difference.count === 0 && difference.bytes === 0 && equalBytes(difference.digest, emptyTopic.digest);
    const isRight = found !== undefined && isNone && lastHlc === newestHlc(this.#reader, this.topic);
    return isRight ? undefined : difference;
  }
}

export function isSameDifference(a: TopicDifference, b: TopicDifference): boolean {
  return a.count === b.count && a.bytes === b.bytes && equalBytes(a.digest, b.digest);
}

/** Adds a difference to the record of a topic, whatever has been added since it was found. */
export function correctTopic(batch: Batch, topic: string, { count, bytes, digest: added }: TopicDifference): void {
  const key = topicKey(topic);
  const stored = batch.get('topics', key);
  const before = (stored && unlessDamaged(() => decodeTopicRecord(topic, stored))) ?? emptyTopic;
  const digest = before.digest.slice();
  addToDigest(digest, added);
  const lastHlc = newestHlc(batch, topic);
  const record: TopicRecord = { count: before.count + count, bytes: before.bytes + bytes, digest, lastHlc };
  if (record.count <= 0) batch.delete('topics', key);
  else batch.put('topics', key, encodeTopicRecord(record));
}
