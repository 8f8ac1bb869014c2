/** Taking bodies out of what is stored: hashes stay in their places, and the views become what the remaining logs make them. */
import { equalBytes, toHex } from '@grapevine/shared/log/bytes.ts';
import type { Entry } from '@grapevine/shared/log/entry.ts';
import { originLength } from '@grapevine/shared/log/head.ts';
import type { TreeHash } from '@grapevine/shared/merkle/tree-hash.ts';
import type { Batch } from '../store/batch.ts';
import { damaged, unlessDamaged } from '../store/damage.ts';
import { everything, postingKey, seqKey, seqOfKey, topicOfKey } from '../store/keys.ts';
import { entryIn, segmentAt, treeOf } from '../store/stored-log.ts';
import { encodeSegment, entryLength, type Segment, type SegmentRecord } from '../wire/segment.ts';
import type { Indexes } from './indexes.ts';
import { postedBytes, postedRecords } from './postings.ts';
import { settleKey } from './projection.ts';
import { Posting, postingOf, postingPlaceOf, unpost } from './topic-postings.ts';

/** An entry that had a body. */
export interface ErasedEntry {
  readonly topic: string;
  /** Length of its canonical bytes. */
  readonly bytes: number;
}

/**
 * Erases the entries `seqs`, ascending, of a stored segment; those without a body are passed over. An idempotency key lasts
 * as long as the body of a message with it: the next that carries it, so far hidden, is shown in its place. Throws
 * `DataDamage` when an entry is not the one that the tree names or views do not fit it; `batch` is of no use then.
 */
export function eraseEntries(
  batch: Batch,
  indexes: Indexes,
  hash: TreeHash,
  segment: Segment,
  seqs: readonly number[],
): ErasedEntry[] {
  const { origin, firstSeq } = segment;
  const tree = treeOf(batch, origin);
  const records = [...segment.records];
  const postings = new Map<string, Posting>();
  const erased: ErasedEntry[] = [];
  const freed: { readonly author: string; readonly key: string }[] = [];
  for (const seq of seqs) {
    const record = records[seq - firstSeq];
    const entry = entryIn(segment, seq);
    if (record?.kind !== 'entry' || entry === undefined) continue;
    const leafHash = tree.node(0, seq);
    requireSame(hash, record, leafHash, entry);
    records[seq - firstSeq] = { kind: 'erased', leafHash };
    const { topic, author, idempotencyKey } = entry;
    erased.push({ topic, bytes: record.bytes.length });
    const key = seqKey(origin, seq);
    if (batch.get('hidden', key) !== undefined) {
      batch.delete('hidden', key);
      continue;
    }
    postingOf(postings, topic).add(seq - firstSeq, leafHash, record.bytes.length);
    if (idempotencyKey !== undefined) freed.push({ author, key: idempotencyKey });
  }
  batch.put('segments', seqKey(origin, firstSeq), encodeSegment({ ...segment, records }));
  const place = postingPlaceOf(segment);
  for (const [topic, posting] of postings) {
    if (!unpost(batch, topic, place, posting)) {
      throw damaged(`Entries of segment ${origin}/${firstSeq} are not posted in topic ${topic} as they should be.`);
    }
  }
  for (const { author, key } of freed) settleKey(batch, indexes, author, key);
  return erased;
}

/**
 * Takes those entries out of the views that a segment had when it was lost and that the copy put in its place, `segment`, has
 * no more. What topics and keys they had is not known any longer, so every topic is looked into, and every hidden duplicate:
 * a rare thing, as it takes damage and retention at once.
 */
export function forgetErased(batch: Batch, indexes: Indexes, segment: Segment): void {
  const { origin, firstSeq } = segment;
  const place = postingPlaceOf(segment);
  const tree = treeOf(batch, origin);
  const isLost = (record: number): boolean => segment.records[record]?.kind === 'erased';
  let lostAny = false;
  for (const [key] of [...batch.range('topics', everything)]) {
    const topic = topicOfKey(key);
    const posted = batch.get('postings', postingKey(topic, place));
    if (posted === undefined) continue;
    const lost = new Posting();
    lost.bytes = postedBytes(posted);
    for (const record of postedRecords(posted)) {
      if (isLost(record)) lost.add(record, tree.node(0, firstSeq + record), 0);
      else lost.bytes -= entryLength(segment, firstSeq + record);
    }
    if (lost.records.length === 0) continue;
    unpost(batch, topic, place, lost);
    lostAny = true;
  }
  for (const record of segment.records.keys())
    if (isLost(record)) batch.delete('hidden', seqKey(origin, firstSeq + record));
  if (!lostAny) return;
  for (const [key] of [...batch.range('hidden', everything)]) {
    const [owner, seq] = [toHex(key.subarray(0, originLength)), seqOfKey(key)];
    const hidden = unlessDamaged(() => {
      const holder = segmentAt(batch, owner, seq);
      return holder === undefined ? undefined : entryIn(holder, seq);
    });
    if (hidden?.idempotencyKey !== undefined) settleKey(batch, indexes, hidden.author, hidden.idempotencyKey);
  }
}

/** What cannot be trusted to name its topic and key must not change the views. */
function requireSame(
  hash: TreeHash,
  record: Extract<SegmentRecord, { kind: 'entry' }>,
  leafHash: Uint8Array,
  { origin, seq }: Entry,
): void {
  if (equalBytes(hash.leaf(record.bytes), leafHash)) return;
  throw damaged(`Entry ${origin}/${seq}: its bytes are not those that the tree names.`, { origin, seq });
}
