/**
 * What a segment changes in the views. Everything here reads and changes one `Batch`, the same that takes the segment
 * itself: views are never older or newer than the logs.
 */
import type { Entry } from '@grapevine/shared/log/entry.ts';
import { hashLength } from '@grapevine/shared/merkle/tree-hash.ts';
import type { Batch } from '../store/batch.ts';
import { seqKey } from '../store/keys.ts';
import type { CheckedSegment } from '../store/log-store.ts';
import { entryLength } from '../wire/segment.ts';
import { carriersOf, type FoundEntry, firstOf, isHidden } from './duplicates.ts';
import { hashOfKey, type Indexes } from './indexes.ts';
import { compareMessages } from './postings.ts';
import {
  isPosted,
  type Posting,
  post,
  postAlso,
  postingOf,
  postingOfOne,
  postingPlaceOf,
  unpost,
} from './topic-postings.ts';

/** Adds a segment whose bytes, tree nodes and head are in `batch` already to the views; `indexes` have room for it. */
export function projectSegment(batch: Batch, indexes: Indexes, checked: CheckedSegment, ordinal: number): void {
  const { segment, entries, leafHashes } = checked;
  const postings = new Map<string, Posting>();
  entries.forEach((entry, i) => {
    const id = leafHashes.subarray(i * hashLength, (i + 1) * hashLength);
    indexes.ids.add(id, { ordinal, seq: segment.firstSeq + i });
    if (entry === undefined || !showEntry(batch, indexes, entry, ordinal)) return;
    postingOf(postings, entry.topic).add(i, id, entryLength(segment, entry.seq));
  });
  const place = postingPlaceOf(segment);
  for (const [topic, posting] of postings) post(batch, topic, place, posting);
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
    settleKey(batch, indexes, author, idempotencyKey);
  }
  return added;
}

/**
 * Shows the entries of a stored segment that are neither shown nor hidden: retention had erased them here, and a copy of the
 * segment from somebody else brought them back. Those with idempotency keys are left to `settleDuplicates`.
 */
export function showReturned(batch: Batch, { segment, entries }: Pick<CheckedSegment, 'segment' | 'entries'>): void {
  const place = postingPlaceOf(segment);
  entries.forEach((entry, record) => {
    if (entry === undefined || isHidden(batch, entry) || isPosted(batch, entry.topic, place, record)) return;
    if (entry.idempotencyKey === undefined)
      postAlso(batch, entry.topic, place, postingOfOne(batch, { entry, segment }));
    else batch.put('hidden', seqKey(entry.origin, entry.seq), hiddenMark);
  });
}

/**
 * Shows the first of the messages that carry an idempotency key and hides the others. Shows none anew while one of them cannot
 * be read: that may be the first.
 */
export function settleKey(batch: Batch, indexes: Indexes, author: string, idempotencyKey: string): void {
  let isSure = true;
  const unsure = (): void => {
    isSure = false;
  };
  const carriers = [...carriersOf(batch, indexes, author, idempotencyKey, unsure)];
  const owner = firstOf(carriers)?.entry;
  for (const carrier of carriers) {
    const isOwner = owner !== undefined && compareMessages(carrier.entry, owner) === 0;
    const wasHidden = isHidden(batch, carrier.entry);
    if (!isOwner && !wasHidden) hide(batch, carrier);
    if (isOwner && wasHidden && isSure) show(batch, carrier);
  }
}

/** The value of a record in the table `hidden`. */
export const hiddenMark = new Uint8Array(0);

/** Takes a visible entry out of its topic again. */
function hide(batch: Batch, found: FoundEntry): void {
  const { entry, segment } = found;
  batch.put('hidden', seqKey(entry.origin, entry.seq), hiddenMark);
  // A damaged index must not keep new messages out: where the entry is not posted, nothing is changed.
  unpost(batch, entry.topic, postingPlaceOf(segment), postingOfOne(batch, found));
}

/** Shows a hidden entry. */
function show(batch: Batch, found: FoundEntry): void {
  const { entry, segment } = found;
  batch.delete('hidden', seqKey(entry.origin, entry.seq));
  postAlso(batch, entry.topic, postingPlaceOf(segment), postingOfOne(batch, found));
}
