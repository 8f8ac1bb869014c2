import type { Entry } from '@grapevine/shared/log/entry.ts';
import { originAt } from '../store/head-record.ts';
import type { KeyValueReader } from '../store/key-value.ts';
import { entryIn, segmentAt } from '../store/stored-log.ts';
import type { Segment } from '../wire/segment.ts';
import { hashOfKey, type Indexes } from './indexes.ts';
import { compareMessages } from './postings.ts';

export interface FoundEntry {
  readonly entry: Entry;
  readonly segment: Segment;
}

/**
 * The message that owns an author's idempotency key: of all that carry it, the first in topic order. Every node that holds
 * the same messages names the same one, in whatever order they arrived; the others are hidden.
 */
export function ownerOf(
  reader: KeyValueReader,
  indexes: Indexes,
  author: string,
  idempotencyKey: string,
): FoundEntry | undefined {
  let owner: FoundEntry | undefined;
  for (const place of indexes.keys.find(reader, hashOfKey(author, idempotencyKey))) {
    const origin = originAt(reader, place);
    const segment = origin === undefined ? undefined : segmentAt(reader, origin, place.seq);
    const entry = segment === undefined ? undefined : entryIn(segment, place.seq);
    if (segment === undefined || entry?.author !== author || entry.idempotencyKey !== idempotencyKey) continue;
    if (owner === undefined || compareMessages(entry, owner.entry) < 0) owner = { entry, segment };
  }
  return owner;
}
