/** What the views should have of one segment, and where they have something else. */
import { equalBytes } from '@grapevine/shared/log/bytes.ts';
import type { Entry } from '@grapevine/shared/log/entry.ts';
import { hashLength } from '@grapevine/shared/merkle/tree-hash.ts';
import type { Batch } from '../store/batch.ts';
import type { KeyValueReader } from '../store/key-value.ts';
import { type PostingPlace, postingKey, seqKey, seqOfKey } from '../store/keys.ts';
import type { CheckedSegment } from '../store/log-store.ts';
import type { Place } from '../store/place-record.ts';
import { entryLength } from '../wire/segment.ts';
import { carriersOf, firstOf } from './duplicates.ts';
import { hashOfKey, type Indexes } from './indexes.ts';
import { encodePosting } from './postings.ts';
import { hiddenMark } from './projection.ts';
import { postingPlaceOf } from './topic-postings.ts';

/** A record of the views that is not what the log makes it. */
export type ViewFinding =
  /** The entry at `place` is not found by its id, or by its idempotency key. */
  | { readonly kind: 'index'; readonly index: 'ids' | 'keys'; readonly hash: Uint8Array; readonly place: Place }
  /** An entry that lost its key to another one is not marked as hidden, or one that did not is. */
  | { readonly kind: 'mark'; readonly seq: number; readonly isHidden: boolean }
  /** The visible entries in a topic are not posted like this. */
  | { readonly kind: 'posting'; readonly topic: string; readonly place: PostingPlace; readonly posting: Uint8Array };

/** An entry that is shown in its topic. */
export interface VisibleEntry {
  readonly entry: Entry;
  readonly id: Uint8Array;
  /** Length of its canonical bytes. */
  readonly bytes: number;
}

export interface SegmentViews {
  readonly findings: readonly ViewFinding[];
  readonly visible: readonly VisibleEntry[];
  /** Topics that have some of them. */
  readonly topics: number;
  /** Entries that should be marked as hidden. */
  readonly hidden: number;
}

/**
 * Holds the views against a sound segment of the origin with this ordinal. Without `indexes` nothing is looked up in them,
 * which takes nearly all of the time, and what is marked as hidden counts. Where it cannot be known who owns an idempotency
 * key, because an entry that carries it cannot be read, what is marked counts.
 */
export function checkSegmentViews(
  reader: KeyValueReader,
  indexes: Indexes | undefined,
  { segment, entries, leafHashes }: Omit<CheckedSegment, 'nodes'>,
  ordinal: number,
): SegmentViews {
  const { origin, firstSeq, head } = segment;
  const findings: ViewFinding[] = [];
  const visible: VisibleEntry[] = [];
  const byTopic = new Map<string, number[]>();
  const marks = { from: seqKey(origin, firstSeq), to: seqKey(origin, head.size) };
  const marked = new Set(Array.from(reader.range('hidden', marks), ([key]) => seqOfKey(key)));
  let hidden = 0;
  const requireIndexed = (index: 'ids' | 'keys', hash: Uint8Array, place: Place): void => {
    const found = indexes?.[index].find(reader, hash);
    if (found === undefined || found.some((one) => one.ordinal === ordinal && one.seq === place.seq)) return;
    findings.push({ kind: 'index', index, hash, place });
  };
  for (const [i, entry] of entries.entries()) {
    const place = { ordinal, seq: firstSeq + i };
    const id = leafHashes.subarray(i * hashLength, (i + 1) * hashLength);
    requireIndexed('ids', id, place);
    if (entry?.idempotencyKey !== undefined) {
      requireIndexed('keys', hashOfKey(entry.author, entry.idempotencyKey), place);
    }
    const losesKey = entry?.idempotencyKey === undefined ? false : indexes && losesItsKey(reader, indexes, entry);
    const isHidden = losesKey ?? marked.has(place.seq);
    if (isHidden !== marked.has(place.seq)) findings.push({ kind: 'mark', seq: place.seq, isHidden });
    if (isHidden) hidden += 1;
    if (entry === undefined || isHidden) continue;
    const records = byTopic.get(entry.topic);
    if (records === undefined) byTopic.set(entry.topic, [i]);
    else records.push(i);
    visible.push({ entry, id, bytes: entryLength(segment, entry.seq) });
  }
  const place = postingPlaceOf(segment);
  for (const [topic, records] of byTopic) {
    const bytes = records.reduce((sum, record) => sum + entryLength(segment, firstSeq + record), 0);
    const posting = encodePosting(bytes, records);
    const posted = reader.get('postings', postingKey(topic, place));
    if (posted === undefined || !equalBytes(posted, posting)) findings.push({ kind: 'posting', topic, place, posting });
  }
  return { findings, visible, topics: byTopic.size, hidden };
}

/**
 * Puts right what was found in the same state of the store. What topics come to is not touched: whether it was computed from
 * the right records or from the wrong ones, only counting again tells (`topic-count.ts`).
 */
export function mendSegmentViews(
  batch: Batch,
  indexes: Indexes,
  origin: string,
  findings: readonly ViewFinding[],
): void {
  // Each may need a record in both indexes.
  indexes.reserve(batch, findings.length);
  for (const finding of findings) {
    if (finding.kind === 'index') indexes[finding.index].add(finding.hash, finding.place);
    else if (finding.kind === 'posting')
      batch.put('postings', postingKey(finding.topic, finding.place), finding.posting);
    else if (finding.isHidden) batch.put('hidden', seqKey(origin, finding.seq), hiddenMark);
    else batch.delete('hidden', seqKey(origin, finding.seq));
  }
  // A start reads only what came after the last flush, and these may have come before.
  if (findings.some(({ kind }) => kind === 'index')) indexes.flush(batch);
}

/** Whether another message owns the entry's idempotency key; undefined when one that may own it cannot be read. */
function losesItsKey(reader: KeyValueReader, indexes: Indexes, entry: Entry): boolean | undefined {
  const { author, idempotencyKey, origin, seq } = entry;
  if (idempotencyKey === undefined) return false;
  let isSure = true;
  const unsure = (): void => {
    isSure = false;
  };
  // Itself may not be found, when it is the index that is damaged.
  const carriers = [...carriersOf(reader, indexes, author, idempotencyKey, unsure)].map((found) => found.entry);
  const owner = firstOf([...carriers, entry].map((one) => ({ entry: one })));
  if (!isSure) return undefined;
  return owner?.entry.origin !== origin || owner.entry.seq !== seq;
}
