/** Changing what a topic shows: its postings and what they come to, together. */
import type { Batch } from '../store/batch.ts';
import { type PostingPlace, postingKey, topicKey } from '../store/keys.ts';
import { treeOf } from '../store/stored-log.ts';
import { entryLength, type Segment, segmentFirstHlc } from '../wire/segment.ts';
import type { FoundEntry } from './duplicates.ts';
import { encodePosting, newestHlc, postedBytes, postedRecords } from './postings.ts';
import {
  addToDigest,
  decodeTopicRecord,
  digestBytes,
  emptyTopic,
  encodeTopicRecord,
  subtractFromDigest,
  type TopicRecord,
} from './topic-record.ts';

/** Entries of one segment in one topic. */
export class Posting {
  /** Places in the segment, ascending. */
  readonly records: number[] = [];
  /** Sum of their ids. */
  readonly digest = new Uint8Array(digestBytes);
  /** Sum of their lengths. */
  bytes = 0;

  /** Adds the entry at `record`, behind those that are there. */
  add(record: number, id: Uint8Array, bytes: number): void {
    this.records.push(record);
    addToDigest(this.digest, id);
    this.bytes += bytes;
  }
}

/** The posting of `topic` in `postings`, an empty one if there is none yet. */
export function postingOf(postings: Map<string, Posting>, topic: string): Posting {
  let posting = postings.get(topic);
  if (posting === undefined) {
    posting = new Posting();
    postings.set(topic, posting);
  }
  return posting;
}

/** The posting of a single entry. */
export function postingOfOne(batch: Batch, { entry, segment }: FoundEntry): Posting {
  const { origin, seq } = entry;
  const posting = new Posting();
  posting.add(seq - segment.firstSeq, treeOf(batch, origin).node(0, seq), entryLength(segment, seq));
  return posting;
}

export function postingPlaceOf(segment: Segment): PostingPlace {
  return { hlc: segmentFirstHlc(segment), origin: segment.origin, firstSeq: segment.firstSeq };
}

/** Whether the entry at `record` of the segment at `place` is shown. */
export function isPosted(batch: Batch, topic: string, place: PostingPlace, record: number): boolean {
  const posted = batch.get('postings', postingKey(topic, place));
  return posted !== undefined && postedRecords(posted).includes(record);
}

/** Shows entries of a segment that is new, at `place`. */
export function post(batch: Batch, topic: string, place: PostingPlace, posting: Posting): void {
  batch.put('postings', postingKey(topic, place), encodePosting(posting.bytes, posting.records));
  countIn(batch, topic, place, posting);
}

/** Shows further entries of a segment, some of which may be shown already. */
export function postAlso(batch: Batch, topic: string, place: PostingPlace, posting: Posting): void {
  const key = postingKey(topic, place);
  const posted = batch.get('postings', key) ?? encodePosting(0, []);
  const records = Uint8Array.of(...postedRecords(posted), ...posting.records).sort();
  batch.put('postings', key, encodePosting(postedBytes(posted) + posting.bytes, records));
  countIn(batch, topic, place, posting);
}

/** Takes entries of the segment at `place` out again. Answers false, with nothing changed, when one of them is not shown. */
export function unpost(batch: Batch, topic: string, place: PostingPlace, posting: Posting): boolean {
  const key = postingKey(topic, place);
  const posted = batch.get('postings', key) ?? encodePosting(0, []);
  const records = postedRecords(posted);
  const left = records.filter((record) => !posting.records.includes(record));
  if (left.length + posting.records.length !== records.length) return false;
  if (left.length === 0) batch.delete('postings', key);
  else batch.put('postings', key, encodePosting(postedBytes(posted) - posting.bytes, left));
  const before = readTopic(batch, topic);
  const digest = before.digest.slice();
  subtractFromDigest(digest, posting.digest);
  const count = before.count - posting.records.length;
  const newest = place.hlc + BigInt(posting.records.at(-1) ?? 0);
  const lastHlc = newest === before.lastHlc ? newestHlc(batch, topic) : before.lastHlc;
  writeTopic(batch, topic, { count, bytes: before.bytes - posting.bytes, digest, lastHlc });
  return true;
}

function countIn(batch: Batch, topic: string, place: PostingPlace, posting: Posting): void {
  const before = readTopic(batch, topic);
  const digest = before.digest.slice();
  addToDigest(digest, posting.digest);
  const newest = place.hlc + BigInt(posting.records.at(-1) ?? 0);
  const lastHlc = newest > before.lastHlc ? newest : before.lastHlc;
  const count = before.count + posting.records.length;
  writeTopic(batch, topic, { count, bytes: before.bytes + posting.bytes, digest, lastHlc });
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
