/**
 * What a segment changes in the views. Everything here reads and changes one `Batch`, the same that takes the segment
 * itself: views are never older or newer than the logs.
 */
import type { Entry } from '@grapevine/shared/log/entry.ts';
import { hashLength } from '@grapevine/shared/merkle/tree-hash.ts';
import type { Batch } from '../store/batch.ts';
import { type PostingPlace, postingKey, seqKey, topicKey } from '../store/keys.ts';
import type { CheckedSegment } from '../store/log-store.ts';
import { treeOf } from '../store/stored-log.ts';
import { segmentFirstHlc } from '../wire/segment.ts';
import { carriersOf, type FoundEntry, firstOf, isHidden } from './duplicates.ts';
import { hashOfKey, type Indexes } from './indexes.ts';
import { compareMessages, walkBackward } from './postings.ts';
import {
  addToDigest,
  decodeTopicRecord,
  digestBytes,
  emptyTopic,
  encodeTopicRecord,
  subtractFromDigest,
  type TopicRecord,
} from './topic-record.ts';

/** What a segment adds to one topic. */
interface Posting {
  /** Places in the segment, ascending. */
  readonly records: number[];
  /** Sum of their ids. */
  readonly digest: Uint8Array;
}

/** Adds a segment whose bytes, tree nodes and head are in `batch` already to the views; `indexes` have room for it. */
export function projectSegment(batch: Batch, indexes: Indexes, checked: CheckedSegment, ordinal: number): void {
  const { segment, entries, leafHashes } = checked;
  const postings = new Map<string, Posting>();
  entries.forEach((entry, i) => {
    const id = leafHashes.subarray(i * hashLength, (i + 1) * hashLength);
    indexes.ids.add(id, { ordinal, seq: segment.firstSeq + i });
    if (entry === undefined || !showEntry(batch, indexes, entry, ordinal)) return;
    const { records, digest } = postingOf(postings, entry.topic);
    records.push(i);
    addToDigest(digest, id);
  });
  const place = { hlc: segmentFirstHlc(segment), origin: segment.origin, firstSeq: segment.firstSeq };
  for (const [topic, posting] of postings) post(batch, topic, place, posting);
}

function postingOf(postings: Map<string, Posting>, topic: string): Posting {
  let posting = postings.get(topic);
  if (posting === undefined) {
    posting = { records: [], digest: new Uint8Array(digestBytes) };
    postings.set(topic, posting);
  }
  return posting;
}

/** Decides whether a new entry is shown, and hides the one that it takes an idempotency key from. */
function showEntry(batch: Batch, indexes: Indexes, entry: Entry, ordinal: number): boolean {
  const { author, idempotencyKey, origin, seq } = entry;
  if (idempotencyKey === undefined) return true;
  // A duplicate of a message that cannot be read now is shown until that is mended: see `settleDuplicates`.
  const owner = firstOf(carriersOf(batch, indexes, author, idempotencyKey, () => undefined));
  indexes.keys.add(hashOfKey(author, idempotencyKey), { ordinal, seq });
  if (owner === undefined) return true;
  if (compareMessages(owner.entry, entry) < 0) {
    batch.put('hidden', seqKey(origin, seq), hiddenMark);
    return false;
  }
  if (!isHidden(batch, owner.entry)) hide(batch, owner);
  return true;
}

/**
 * Looks again at who owns the idempotency keys of `entries`, which could not be read for a while, and shows and hides what it
 * should have. They are in the logs; `ordinal` is their origin's. Answers how many keys were not indexed before.
 */
export function settleDuplicates(batch: Batch, indexes: Indexes, entries: Iterable<Entry>, ordinal: number): number {
  let added = 0;
  for (const { author, idempotencyKey, seq } of entries) {
    if (idempotencyKey === undefined) continue;
    const hash = hashOfKey(author, idempotencyKey);
    const isIndexed = indexes.keys.find(batch, hash).some((place) => place.ordinal === ordinal && place.seq === seq);
    if (!isIndexed) {
      indexes.keys.add(hash, { ordinal, seq });
      added += 1;
    }
    const carriers = [...carriersOf(batch, indexes, author, idempotencyKey, () => undefined)];
    const owner = firstOf(carriers)?.entry;
    for (const carrier of carriers) {
      const isOwner = owner !== undefined && compareMessages(carrier.entry, owner) === 0;
      if (!isOwner && !isHidden(batch, carrier.entry)) hide(batch, carrier);
    }
  }
  return added;
}

const hiddenMark = new Uint8Array(0);

function post(batch: Batch, topic: string, place: PostingPlace, { records, digest }: Posting): void {
  batch.put('postings', postingKey(topic, place), Uint8Array.from(records));
  const before = readTopic(batch, topic);
  addToDigest(digest, before.digest);
  const newest = place.hlc + BigInt(records.at(-1) ?? 0);
  const lastHlc = newest > before.lastHlc ? newest : before.lastHlc;
  writeTopic(batch, topic, { count: before.count + records.length, digest, lastHlc });
}

/** Takes a visible entry out of its topic again. */
function hide(batch: Batch, { entry, segment }: FoundEntry): void {
  const { topic, origin, seq } = entry;
  batch.put('hidden', seqKey(origin, seq), hiddenMark);
  const key = postingKey(topic, { hlc: segmentFirstHlc(segment), origin, firstSeq: segment.firstSeq });
  const posted = batch.get('postings', key);
  const left = posted?.filter((record) => record !== seq - segment.firstSeq);
  // A damaged index must not keep new messages out: the scrub puts it right.
  if (posted === undefined || left === undefined || left.length === posted.length) return;
  if (left.length === 0) batch.delete('postings', key);
  else batch.put('postings', key, left);
  const before = readTopic(batch, topic);
  const digest = before.digest.slice();
  subtractFromDigest(digest, treeOf(batch, origin).node(0, seq));
  const [newest] = walkBackward(batch, topic);
  writeTopic(batch, topic, { count: before.count - 1, digest, lastHlc: newest?.hlc ?? 0n });
}

function readTopic(batch: Batch, topic: string): TopicRecord {
  const bytes = batch.get('topics', topicKey(topic));
  return bytes === undefined ? emptyTopic : decodeTopicRecord(topic, bytes);
}

/** A topic without visible messages does not exist: a node where they were never visible must not differ. */
function writeTopic(batch: Batch, topic: string, record: TopicRecord): void {
  if (record.count === 0) batch.delete('topics', topicKey(topic));
  else batch.put('topics', topicKey(topic), encodeTopicRecord(record));
}
