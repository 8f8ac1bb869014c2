import type { Entry } from '@grapevine/shared/log/entry.ts';
import { DataDamage, damaged } from '../store/damage.ts';
import { originAt } from '../store/head-record.ts';
import type { KeyValueReader } from '../store/key-value.ts';
import { seqKey } from '../store/keys.ts';
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
 * the same messages names the same one, in whatever order they arrived; the others are hidden. Throws `DataDamage` when one
 * of them cannot be read.
 */
export function ownerOf(
  reader: KeyValueReader,
  indexes: Indexes,
  author: string,
  idempotencyKey: string,
): FoundEntry | undefined {
  const owner = firstOf(carriersOf(reader, indexes, author, idempotencyKey, rethrow));
  if (owner === undefined || !isHidden(reader, owner.entry)) return owner;
  // It was hidden by one that is not found now: a start indexes no keys of what is in quarantine.
  throw damaged(`The first message of ${author} with the idempotency key ${idempotencyKey} cannot be read now.`);
}

/** Whether the entry lost its idempotency key to another one. */
export function isHidden(reader: KeyValueReader, { origin, seq }: Entry): boolean {
  return reader.get('hidden', seqKey(origin, seq)) !== undefined;
}

/** The first of the messages in topic order. */
export function firstOf<Found extends Pick<FoundEntry, 'entry'>>(carriers: Iterable<Found>): Found | undefined {
  let first: Found | undefined;
  for (const carrier of carriers) {
    if (first === undefined || compareMessages(carrier.entry, first.entry) < 0) first = carrier;
  }
  return first;
}

/** The messages that carry an author's idempotency key, some perhaps twice. One that cannot be read goes to `onDamage`. */
export function* carriersOf(
  reader: KeyValueReader,
  indexes: Indexes,
  author: string,
  idempotencyKey: string,
  onDamage: (damage: DataDamage) => void,
): Generator<FoundEntry> {
  for (const place of indexes.keys.find(reader, hashOfKey(author, idempotencyKey))) {
    const origin = originAt(reader, place);
    const found = origin === undefined ? undefined : readEntry(reader, origin, place.seq, onDamage);
    if (found?.entry.author === author && found.entry.idempotencyKey === idempotencyKey) yield found;
  }
}

function readEntry(
  reader: KeyValueReader,
  origin: string,
  seq: number,
  onDamage: (damage: DataDamage) => void,
): FoundEntry | undefined {
  try {
    const segment = segmentAt(reader, origin, seq);
    const entry = segment === undefined ? undefined : entryIn(segment, seq);
    return segment === undefined || entry === undefined ? undefined : { entry, segment };
  } catch (error) {
    if (!(error instanceof DataDamage)) throw error;
    onDamage(error);
    return undefined;
  }
}

function rethrow(damage: DataDamage): never {
  throw damage;
}
