/** Making a node's data anew from its segments: trees, numbers of origins, heads that were lost, and all views. */
import { hashesInTile, leavesOfTile } from '@grapevine/shared/merkle/tiles.ts';
import { hashLength } from '@grapevine/shared/merkle/tree-hash.ts';
import { applyFinding } from '../damage/apply-finding.ts';
import { OriginScrub } from '../damage/origin-scrub.ts';
import type { FoundSegment, LogChecks } from '../damage/read-segment.ts';
import { recoverLogs } from '../damage/recover.ts';
import { Batch } from '../store/batch.ts';
import { changesLength } from '../store/changes.ts';
import { readStored, unlessDamaged } from '../store/damage.ts';
import { encodeHeadRecord, readHead, readHeads } from '../store/head-record.ts';
import { positionChange, readPosition } from '../store/journal-position.ts';
import type { Change, KeyRange, KeyValue, KeyValueReader, KeyValueStore, Table } from '../store/key-value.ts';
import {
  everything,
  ordinalKey,
  originKey,
  postingOfKey,
  seqKey,
  successor,
  tileOfKey,
  tilesOf,
  topicOfPosting,
} from '../store/keys.ts';
import type { Stretch } from '../store/quarantine.ts';
import { requireSchema } from '../store/schema.ts';
import { originsIn, treeOf } from '../store/stored-log.ts';
import { Indexes } from '../views/indexes.ts';
import { postedBytes, postedRecords } from '../views/postings.ts';
import { projectSegment } from '../views/projection.ts';
import { Posting, post } from '../views/topic-postings.ts';
import { maxSegmentRecords } from '../wire/segment.ts';

/** Of keys and values in one transaction of what is copied. Larger ones take more memory and save hardly any syncs. */
const copyBytes = 2 * 1024 * 1024;
/** Entries whose views are one transaction: some hundred bytes each in memory. */
const projectedEntries = 4096;

/** What a rebuild of a store goes by, and whom it tells that it has dealt with `done` of `entries` entries. */
export interface RebuildOptions {
  readonly checks: LogChecks;
  /** Wall clock in milliseconds. */
  readonly nowMs: number;
  readonly onProgress: (done: number, entries: number) => void;
}

/**
 * Fills the empty `target` with what the segments in `source` come to. Quarantine, fork evidence, retention and the journal's
 * position are taken over. A segment that does not lead to its signed head goes into quarantine, and the views of its
 * entries stay as they are, since nothing else is known of them. Throws `DATA_DAMAGED` when the end of a log cannot be
 * known; `target` is of no use then.
 */
export async function rebuild(source: KeyValueReader, target: KeyValueStore, options: RebuildOptions): Promise<void> {
  await requireSchema(target);
  for (const table of ['quarantine', 'forks', 'retention'] as const) {
    await copy(target, table, everything, (range) => source.range(table, range));
  }
  const origins = [...new Set([...originsIn(source, 'heads'), ...originsIn(source, 'segments')])].sort();
  await target.write(origins.flatMap((origin, ordinal) => numbered(source, origin, ordinal)));
  options.onProgress(0, entriesIn(target));
  for (const origin of origins) {
    await copy(target, 'segments', tilesOf(origin), (range) => source.range('segments', range));
    // Only where entries are missing are they needed.
    await copy(target, 'tiles', tilesOf(origin), (range) => readable(source.range('tiles', range)));
  }
  await recoverLogs(target, options.checks, options.nowMs);
  await new ViewsRebuild(source, target, options).run();
  const position = readPosition(source);
  if (position !== undefined) await target.write([positionChange(position)]);
}

/** The origin's number, which may be another one than before, and its head if that can be read. */
function numbered(source: KeyValueReader, origin: string, ordinal: number): Change[] {
  const key = originKey(origin);
  const record = unlessDamaged(() => readHead(source, origin));
  const changes: Change[] = [{ table: 'origins', key: ordinalKey(ordinal), value: key }];
  if (record === undefined) return changes;
  return [...changes, { table: 'heads', key, value: encodeHeadRecord({ ordinal, head: record.head }) }];
}

/** As many as the heads say. */
function entriesIn(data: KeyValueReader): number {
  return readHeads(data).reduce((sum, { head }) => sum + head.size, 0);
}

/** Puts what `read` gives of `range` into `table`, a bounded piece at a time. */
async function copy(
  target: KeyValueStore,
  table: Table,
  range: KeyRange,
  read: (range: KeyRange) => Iterable<KeyValue>,
): Promise<void> {
  for (let { from } = range; ; ) {
    const piece: Change[] = [];
    let bytes = 0;
    for (const [key, value] of read({ ...range, from })) {
      const change = { table, key: key.slice(), value };
      piece.push(change);
      bytes += changesLength([change]);
      if (bytes >= copyBytes) break;
    }
    const last = piece.at(-1);
    if (last === undefined) return;
    await target.write(piece);
    from = successor(last.key);
  }
}

/** Up to where the database cannot be read any more: for what is made anew as far as it is missing. */
function* readable(pairs: Iterable<KeyValue>): Generator<KeyValue> {
  const iterator = pairs[Symbol.iterator]();
  try {
    for (;;) {
      let next: IteratorResult<KeyValue>;
      try {
        next = iterator.next();
      } catch {
        return;
      }
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    iterator.return?.();
  }
}

/** Puts the trees right and makes the views, segment by segment. The heads in `target` are the right ones. */
class ViewsRebuild {
  readonly #source: KeyValueReader;
  readonly #target: KeyValueStore;
  readonly #options: RebuildOptions;
  readonly #indexes = new Indexes();
  #batch: Batch;
  /** Entries in the batch, and in those before. */
  #waiting = 0;
  #done = 0;
  readonly #entries: number;
  /** By origin; as many as there are damaged places. */
  readonly #unread = new Map<string, Stretch[]>();

  constructor(source: KeyValueReader, target: KeyValueStore, options: RebuildOptions) {
    this.#source = source;
    this.#target = target;
    this.#options = options;
    this.#batch = new Batch(target);
    this.#entries = entriesIn(target);
  }

  async run(): Promise<void> {
    for (const { ordinal, head } of readHeads(this.#target)) await this.#rebuildOrigin(head.origin, ordinal);
    if (this.#unread.size > 0) await this.#keepPostings();
    this.#indexes.flush(this.#batch);
    await this.#write();
    this.#options.onProgress(this.#entries, this.#entries);
  }

  async #rebuildOrigin(origin: string, ordinal: number): Promise<void> {
    const { checks, nowMs } = this.#options;
    await this.#cutTiles(origin);
    const scrub = new OriginScrub(this.#target, origin, checks);
    for (let at = scrub.next, look = scrub.look(); look !== undefined; at = scrub.next, look = scrub.look()) {
      for (const finding of look.findings) applyFinding(this.#batch, finding, nowMs);
      // The scrub bridges gaps by the tree, and reads what is flushed.
      if (look.findings.length > 0) await this.#write();
      if (look.sound === undefined) await this.#keepUnread({ origin, firstSeq: at, endSeq: scrub.next }, ordinal);
      else this.#project(look.sound, ordinal);
      if (this.#waiting >= projectedEntries) await this.#write();
    }
  }

  /** Takes off what tiles have beyond the log's end; what they lack is found missing. */
  async #cutTiles(origin: string): Promise<void> {
    const size = readHead(this.#target, origin)?.head.size ?? 0;
    const cut: Change[] = [];
    for (const [key, bytes] of this.#target.range('tiles', tilesOf(origin))) {
      const length = hashesInTile(leavesOfTile(tileOfKey(key), size)) * hashLength;
      if (bytes.length <= length) continue;
      cut.push({ table: 'tiles', key: key.slice(), value: length === 0 ? undefined : bytes.slice(0, length) });
    }
    if (cut.length > 0) await this.#target.write(cut);
  }

  #project(found: FoundSegment, ordinal: number): void {
    this.#indexes.reserve(this.#batch, found.entries.length);
    projectSegment(this.#batch, this.#indexes, { ...found, nodes: [] }, ordinal);
    this.#waiting += found.entries.length;
  }

  /** Has the ids of entries that cannot be read lead to them, and those stay hidden that are; their postings come last. */
  async #keepUnread(stretch: Stretch, ordinal: number): Promise<void> {
    const { origin, firstSeq, endSeq } = stretch;
    this.#unread.set(origin, [...(this.#unread.get(origin) ?? []), stretch]);
    const hidden = { from: seqKey(origin, firstSeq), to: seqKey(origin, endSeq) };
    await copy(this.#target, 'hidden', hidden, (range) => readable(this.#source.range('hidden', range)));
    for (let from = firstSeq; from < endSeq; from += maxSegmentRecords) {
      const to = Math.min(endSeq, from + maxSegmentRecords);
      const tree = treeOf(this.#target, origin);
      this.#indexes.reserve(this.#batch, to - from);
      for (let seq = from; seq < to; seq++) {
        const id = unlessDamaged(() => tree.node(0, seq));
        if (id !== undefined) this.#indexes.ids.add(id, { ordinal, seq });
      }
      this.#waiting += to - from;
      if (this.#waiting >= projectedEntries) await this.#write();
    }
  }

  /** Takes over the postings of entries that cannot be read: mending their segments will count on them. */
  async #keepPostings(): Promise<void> {
    for (let { from } = everything; ; ) {
      let seen: Uint8Array | undefined;
      for (const [key, value] of readable(this.#source.range('postings', { ...everything, from }))) {
        const own = key.slice();
        seen = own;
        this.#waiting += unlessDamaged(() => this.#keepPosting(own, value)) ?? 0;
        if (this.#waiting >= projectedEntries) break;
      }
      if (seen === undefined) return;
      from = successor(seen);
      await this.#write();
    }
  }

  /** Answers how many entries of the posting are taken over. */
  #keepPosting(key: Uint8Array, value: Uint8Array): number {
    const { topic, place } = readStored('Posting', () => ({ topic: topicOfPosting(key), place: postingOfKey(key) }));
    const stretch = this.#unread
      .get(place.origin)
      ?.find(({ firstSeq, endSeq }) => firstSeq <= place.firstSeq && place.firstSeq < endSeq);
    if (stretch === undefined) return 0;
    const tree = treeOf(this.#target, place.origin);
    const posting = new Posting();
    for (const record of postedRecords(value)) posting.add(record, tree.node(0, place.firstSeq + record), 0);
    posting.bytes = postedBytes(value);
    post(this.#batch, topic, place, posting);
    return posting.records.length;
  }

  async #write(): Promise<void> {
    const { flushes } = this.#indexes;
    await this.#target.write(this.#batch.changes());
    this.#indexes.settle(flushes);
    this.#batch = new Batch(this.#target);
    this.#done += this.#waiting;
    this.#waiting = 0;
    // Its end is told when everything is written; postings that are taken over count twice.
    if (this.#done < this.#entries) this.#options.onProgress(this.#done, this.#entries);
  }
}
