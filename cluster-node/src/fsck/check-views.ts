import { equalBytes, toHex } from '@grapevine/shared/log/bytes.ts';
import type { Entry } from '@grapevine/shared/log/entry.ts';
import { hlcToHex } from '@grapevine/shared/log/hlc.ts';
import type { FoundSegment } from '../damage/read-segment.ts';
import { readHead } from '../store/head-record.ts';
import type { KeyValueReader, Table } from '../store/key-value.ts';
import { everything, topicKey, topicOfKey } from '../store/keys.ts';
import { Indexes } from '../views/indexes.ts';
import { checkSegmentViews, type ViewFinding } from '../views/segment-views.ts';
import { addToDigest, decodeTopicRecord, emptyTopic, type TopicRecord } from '../views/topic-record.ts';
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

  #check(found: FoundSegment): void {
    const { origin, firstSeq } = found.segment;
    const ordinal = readHead(this.#data, origin)?.ordinal ?? 0;
    const { findings, visible, topics, hidden } = checkSegmentViews(this.#data, this.#indexes, found, ordinal);
    for (const finding of findings) this.#problems.add(describe(finding, origin, firstSeq));
    for (const { entry, id, bytes } of visible) this.#count(entry, id, bytes);
    this.#postings += topics;
    this.#hidden += hidden;
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

function describe(finding: ViewFinding, origin: string, firstSeq: number): string {
  switch (finding.kind) {
    case 'index': {
      const what = finding.index === 'ids' ? 'id' : 'idempotency key';
      return `Entry ${origin}/${finding.place.seq}: not found by its ${what}.`;
    }
    case 'mark': {
      const expected = finding.isHidden ? 'hidden' : 'shown';
      return `Entry ${origin}/${finding.seq}: expected it ${expected}, found the contrary.`;
    }
    case 'posting':
      return `Topic ${finding.topic}: its entries in segment ${origin}/${firstSeq} are not posted as they should be.`;
  }
}

function words({ count, bytes, digest, lastHlc }: TopicRecord): string {
  return `${count} messages of ${bytes} bytes with digest ${toHex(digest)} until ${hlcToHex(lastHlc)}`;
}
