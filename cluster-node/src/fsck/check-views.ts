import { equalBytes, toHex } from '@grapevine/shared/log/bytes.ts';
import type { Entry } from '@grapevine/shared/log/entry.ts';
import { hlcToHex } from '@grapevine/shared/log/hlc.ts';
import { hashLength } from '@grapevine/shared/merkle/tree-hash.ts';
import type { FoundSegment } from '../damage/read-segment.ts';
import { readHead } from '../store/head-record.ts';
import type { KeyValueReader, Table } from '../store/key-value.ts';
import { everything, postingKey, seqKey, topicKey, topicOfKey } from '../store/keys.ts';
import type { Place } from '../store/place-record.ts';
import { carriersOf, firstOf } from '../views/duplicates.ts';
import { hashOfKey, Indexes } from '../views/indexes.ts';
import { encodePosting } from '../views/postings.ts';
import { addToDigest, decodeTopicRecord, emptyTopic, type TopicRecord } from '../views/topic-record.ts';
import { entryLength, segmentFirstHlc } from '../wire/segment.ts';
import type { Problems } from './problems.ts';

/**
 * Compares the views with what the logs say they should be. Memory grows with the number of topics only. Every entry is
 * looked up in the indexes, which is what takes most of the time.
 */
export class ViewsCheck {
  readonly #data: KeyValueReader;
  readonly #problems: Problems;
  readonly #indexes = new Indexes();
  readonly #topics = new Map<string, TopicRecord>();
  #postings = 0;
  #hidden = 0;

  constructor(data: KeyValueReader, problems: Problems) {
    this.#data = data;
    this.#problems = problems;
    problems.attempt('Indexes', () => this.#indexes.load(data));
  }

  /** Checks what the views make of one segment. */
  add(found: FoundSegment): void {
    const { origin, firstSeq } = found.segment;
    this.#problems.attempt(`Views of segment ${origin}/${firstSeq}`, () => this.#check(found));
  }

  /** Checks what all segments come to; where `unread` entries are missing, nobody knows. */
  finish(unread: number): void {
    if (unread > 0) {
      this.#problems.add(`Topics: not compared with the logs, since ${unread} of their entries cannot be read.`);
      return;
    }
    this.#problems.attempt('Topics', () => this.#checkTopics());
    this.#problems.attempt('Postings', () => this.#checkCount('postings', this.#postings));
    this.#problems.attempt('Hidden duplicates', () => this.#checkCount('hidden', this.#hidden));
  }

  #check({ segment, entries, leafHashes }: FoundSegment): void {
    const { origin, firstSeq } = segment;
    const ordinal = readHead(this.#data, origin)?.ordinal ?? 0;
    const byTopic = new Map<string, number[]>();
    for (const [i, entry] of entries.entries()) {
      const id = leafHashes.subarray(i * hashLength, (i + 1) * hashLength);
      const place = { ordinal, seq: firstSeq + i };
      this.#requireIndexed('id', place, this.#indexes.ids.find(this.#data, id), origin);
      if (entry === undefined || !this.#isVisible(entry, place)) continue;
      byTopic.set(entry.topic, [...(byTopic.get(entry.topic) ?? []), i]);
      this.#count(entry, id, entryLength(segment, entry.seq));
    }
    const place = { hlc: segmentFirstHlc(segment), origin, firstSeq };
    for (const [topic, records] of byTopic) {
      const posted = this.#data.get('postings', postingKey(topic, place));
      const bytes = records.reduce((sum, record) => sum + entryLength(segment, firstSeq + record), 0);
      if (posted === undefined || !equalBytes(posted, encodePosting(bytes, records))) {
        this.#problems.add(
          `Topic ${topic}: its entries in segment ${origin}/${firstSeq} are not posted as they should be.`,
        );
      }
      this.#postings += 1;
    }
  }

  #isVisible(entry: Entry, place: Place): boolean {
    const { author, idempotencyKey, origin, seq } = entry;
    const marked = this.#data.get('hidden', seqKey(origin, seq)) !== undefined;
    let owned = true;
    if (idempotencyKey !== undefined) {
      const candidates = this.#indexes.keys.find(this.#data, hashOfKey(author, idempotencyKey));
      this.#requireIndexed('idempotency key', place, candidates, origin);
      const carriers = carriersOf(this.#data, this.#indexes, author, idempotencyKey, () => undefined);
      const owner = firstOf(carriers)?.entry;
      owned = owner?.origin === origin && owner.seq === seq;
    }
    if (marked === owned) {
      this.#problems.add(`Entry ${origin}/${seq}: expected it ${owned ? 'shown' : 'hidden'}, found the contrary.`);
    }
    if (!owned) this.#hidden += 1;
    return owned;
  }

  #requireIndexed(what: string, { ordinal, seq }: Place, found: readonly Place[], origin: string): void {
    if (found.some((place) => place.ordinal === ordinal && place.seq === seq)) return;
    this.#problems.add(`Entry ${origin}/${seq}: not found by its ${what}.`);
  }

  #count({ topic, hlc }: Entry, id: Uint8Array, bytes: number): void {
    const before = this.#topics.get(topic) ?? { ...emptyTopic, digest: emptyTopic.digest.slice() };
    addToDigest(before.digest, id);
    const lastHlc = hlc > before.lastHlc ? hlc : before.lastHlc;
    const { count, digest } = before;
    this.#topics.set(topic, { count: count + 1, bytes: before.bytes + bytes, digest, lastHlc });
  }

  #checkTopics(): void {
    for (const [key, value] of this.#data.range('topics', everything)) {
      const name = topicOfKey(key);
      if (!this.#topics.has(name)) this.#problems.add(`Topic ${name}: it is listed, but has no visible messages.`);
      const found = decodeTopicRecord(name, value);
      const expected = this.#topics.get(name) ?? emptyTopic;
      if (
        found.count !== expected.count ||
        found.bytes !== expected.bytes ||
        found.lastHlc !== expected.lastHlc ||
        !equalBytes(found.digest, expected.digest)
      ) {
        this.#problems.add(`Topic ${name}: expected ${words(expected)}, found ${words(found)}.`);
      }
    }
    for (const name of this.#topics.keys()) {
      if (this.#data.get('topics', topicKey(name)) === undefined)
        this.#problems.add(`Topic ${name}: it is not listed.`);
    }
  }

  /** Those that should be there have been looked up: as many must be all. */
  #checkCount(table: Table, expected: number): void {
    let found = 0;
    for (const _ of this.#data.range(table, everything)) found += 1;
    if (found !== expected) this.#problems.add(`Table ${table}: expected ${expected} records, found ${found}.`);
  }
}

function words({ count, bytes, digest, lastHlc }: TopicRecord): string {
  return `${count} messages of ${bytes} bytes with digest ${toHex(digest)} until ${hlcToHex(lastHlc)}`;
}
