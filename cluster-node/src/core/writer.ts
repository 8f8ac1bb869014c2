import { type Entry, encodeEntries } from '@grapevine/shared/log/entry.ts';
import { headBytes } from '@grapevine/shared/log/head.ts';
import { type HybridClock, hlcToHex } from '@grapevine/shared/log/hlc.ts';
import type { TreeHash } from '@grapevine/shared/merkle/tree-hash.ts';
import type { CheckedSegment } from '../store/log-store.ts';
import { encodeSegment, maxSegmentRecords, type SegmentRecord } from '../wire/segment.ts';
import type { LogTips } from './log-tips.ts';
import type { HeadSigner } from './ports.ts';

/** A message that a client asked this node to take. */
export type Draft = Omit<Entry, 'origin' | 'seq' | 'hlc'>;

/** Where a draft ended up. */
export interface Placement {
  /** Hex. */
  readonly id: string;
  readonly seq: number;
  /** 16 hexadecimal digits. */
  readonly hlc: string;
}

/** One message's place among all logs. */
export interface Place {
  readonly origin: string;
  readonly seq: number;
}

/** Drafts that were published together, in order. */
export interface Publish {
  readonly ticket: number;
  readonly drafts: readonly Draft[];
  readonly acks: number;
  readonly deadlineMs: number;
}

/**
 * A publish with a place for each of its drafts, which it no longer holds: it may wait long for other nodes. The last
 * placement's `seq` + 1 is the size that has to be flushed.
 */
export interface PlacedPublish extends Omit<Publish, 'drafts'> {
  readonly placements: readonly Placement[];
}

/** A segment is closed at this many bytes of entries: about 50 datagrams, so that losing some does not cost much. */
const segmentBytes = 64 * 1024;
/** Upper bound for everything in an entry but its body and texts. */
const entryOverheadBytes = 64;

/** Bytes that `draft` counts for in queues and segments; somewhat more than its encoding takes. */
export function weightOf(draft: Draft): number {
  let weight = entryOverheadBytes + draft.body.length + draft.topic.length + 3 * draft.author.length;
  for (const [name, value] of Object.entries(draft.headers)) weight += 4 + name.length + 3 * value.length;
  return weight + 3 * ((draft.key?.length ?? 0) + (draft.idempotencyKey?.length ?? 0) + draft.contentType.length);
}

/**
 * Turns queued publishes into segments of this node's own log. Whatever waits while a commit is under way shares the next
 * segment's one signature and one fsync (group commit).
 */
export class Writer {
  readonly #signer: HeadSigner;
  readonly #hash: TreeHash;
  readonly #tips: LogTips;
  readonly #clock: HybridClock;
  readonly #maxQueueBytes: number;
  #queue: { readonly publish: Publish; readonly weight: number }[] = [];
  #queueBytes = 0;

  constructor(signer: HeadSigner, hash: TreeHash, tips: LogTips, clock: HybridClock, maxQueueBytes: number) {
    this.#signer = signer;
    this.#hash = hash;
    this.#tips = tips;
    this.#clock = clock;
    this.#maxQueueBytes = maxQueueBytes;
  }

  get queueBytes(): number {
    return this.#queueBytes;
  }

  /** Queues a publish; false when the queue is full. One that finds the queue empty is always taken, however large. */
  offer(publish: Publish): boolean {
    const weight = publish.drafts.reduce((sum, draft) => sum + weightOf(draft), 0);
    if (this.#queueBytes > 0 && this.#queueBytes + weight > this.#maxQueueBytes) return false;
    this.#queue.push({ publish, weight });
    this.#queueBytes += weight;
    return true;
  }

  /** Empties the queue and answers the tickets of what was in it, which has to be refused. */
  drain(): number[] {
    const drained = this.#queue.map(({ publish }) => publish.ticket);
    this.#queue = [];
    this.#queueBytes = 0;
    return drained;
  }

  /**
   * Signed segments for all that is queued, up to `maxBytes` of entries, and the publishes that are placed by them. A
   * publish is never split over two calls: either all of it is in the segments or none.
   */
  write(wallMs: number, maxBytes: number): { segments: CheckedSegment[]; placed: PlacedPublish[] } {
    const taken = this.#take(maxBytes);
    const segments: CheckedSegment[] = [];
    const placements: Placement[] = [];
    for (const run of runsOf(taken.flatMap((publish) => publish.drafts))) {
      segments.push(this.#close(run, wallMs, placements));
    }
    let at = 0;
    const placed = taken.map(({ drafts, ...publish }) => {
      const end = at + drafts.length;
      const own = { ...publish, placements: placements.slice(at, end) };
      at = end;
      return own;
    });
    return { segments, placed };
  }

  #take(maxBytes: number): Publish[] {
    let bytes = 0;
    let count = 0;
    for (const { weight } of this.#queue) {
      if (count > 0 && bytes + weight > maxBytes) break;
      bytes += weight;
      count++;
    }
    this.#queueBytes -= bytes;
    return this.#queue.splice(0, count).map(({ publish }) => publish);
  }

  #close(drafts: readonly Draft[], wallMs: number, placements: Placement[]): CheckedSegment {
    const { origin, publicKey } = this.#signer;
    const firstSeq = this.#tips.size(origin);
    const firstHlc = this.#clock.tick(wallMs, drafts.length);
    const entries = drafts.map(
      (draft, i): Entry => ({ ...draft, origin, seq: firstSeq + i, hlc: firstHlc + BigInt(i) }),
    );
    const encoded = encodeEntries(entries);
    const records = encoded.map((bytes): SegmentRecord => ({ kind: 'entry', bytes }));
    const leaves = encoded.map((bytes) => this.#hash.leaf(bytes));
    const { frontier, leafHashes, nodes } = this.#tips.grow(origin, leaves);
    const size = frontier.size;
    const head = { origin, size, root: frontier.root(), hlc: firstHlc + BigInt(drafts.length - 1) };
    const signed = { ...head, publicKey, signature: this.#signer.sign(headBytes(head)) };
    const segment = { origin, firstSeq, head: signed, records };
    this.#tips.advance(origin, frontier);
    entries.forEach((entry, i) => {
      placements.push({ id: (leaves[i] ?? leafHashes).toHex(), seq: entry.seq, hlc: hlcToHex(entry.hlc) });
    });
    return { segment: { ...segment, bytes: encodeSegment(segment) }, entries, leafHashes, nodes };
  }
}

/** Cuts drafts into runs that make one segment each. */
function* runsOf(drafts: readonly Draft[]): Generator<readonly Draft[]> {
  let start = 0;
  let bytes = 0;
  for (const [i, draft] of drafts.entries()) {
    const weight = weightOf(draft);
    if (i > start && (bytes + weight > segmentBytes || i - start === maxSegmentRecords)) {
      yield drafts.slice(start, i);
      start = i;
      bytes = 0;
    }
    bytes += weight;
  }
  if (start < drafts.length) yield drafts.slice(start);
}
