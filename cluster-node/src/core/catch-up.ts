import type { CheckedSegment } from '../store/log-store.ts';
import type { MemberDigest } from '../wire/messages.ts';
import type { Segment } from '../wire/segment.ts';
import type { ReplicaEffect } from './events.ts';
import type { FlushedLog } from './flushed-log.ts';
import type { LogTips } from './log-tips.ts';
import type { Harvest } from './puller.ts';

/** A peer that does not bring the next chunk (256 KiB) within so many milliseconds is given up: datagrams are no slower. */
const patienceMs = 5_000;
/**
 * No data is pulled while a stream brings it, but for a chunk that is late by so many milliseconds others are not kept waiting:
 * the peer may have promised what it does not have.
 */
const lateMs = 500;
/** A peer whose stream broke or brought nothing is not asked for another one before so many milliseconds. */
const retryMs = 5_000;
/**
 * The next chunk is asked for while fewer bytes than this, two chunks, wait for a commit: the disk never waits for the network,
 * and no commit is so large that it holds up publishes and reads.
 */
const maxStagedBytes = 512 * 1024;
/**
 * So many chunks in a row of which nothing can be taken end the stream: 4 MiB of what is known, or withheld, for a peer must not
 * keep a node from its other peers by sending on and on.
 */
const maxBarrenChunks = 16;
/** As many as a consistency token names. Further ones follow with the next stream. */
const maxOrigins = 1_024;
/** How much of the average weight of an entry each further segment leaves of what was before. */
const decay = 0.9;

/** The stream that is open. */
interface Stream {
  readonly id: number;
  readonly peer: MemberDigest;
  readonly startedAtMs: number;
  /** Entries that the peer was known to have more when the stream began. */
  readonly lacking: number;
  entries: number;
  bytes: number;
  /** Chunks since one brought something. */
  barrenChunks: number;
  /** When the next chunk must be there; infinite while none is asked for. */
  dueMs: number;
  /** Origins of which the peer sends no bodies: others have to be asked for theirs. */
  readonly withheld: Set<string>;
}

/** How far a catch-up has come. */
export interface CatchUpProgress {
  /** The peer's name. */
  readonly from: string;
  readonly entries: number;
  readonly of: number;
  readonly bytes: number;
  readonly elapsedMs: number;
}

/** Counts since the start, for metrics. */
export interface CatchUpCounts {
  readonly outcomes: { complete: number; broken: number };
  entries: number;
  bytes: number;
}

export interface CatchUpPorts {
  readonly tips: LogTips;
  readonly flushed: FlushedLog;
  readonly emit: (effect: ReplicaEffect) => void;
}

/**
 * Fetches what a peer holds more as one stream of segments, when that is too much for datagrams. Every segment is checked as
 * any other: a relay is believed nothing. One stream at a time, fed as fast as commits go; when it breaks, gossip goes on
 * from wherever it came to.
 */
export class CatchUp {
  readonly counts: CatchUpCounts = { outcomes: { complete: 0, broken: 0 }, entries: 0, bytes: 0 };
  readonly #thresholdBytes: number;
  readonly #ports: CatchUpPorts;
  /** Weight of the segments seen last, to tell bytes from numbers of entries. */
  #seen = { bytes: 0, entries: 0 };
  /** Until when peers are not asked, by their origins. */
  readonly #avoided = new Map<string, number>();
  #stream: Stream | undefined;
  #nextId = 1;

  /** `thresholdBytes`: so much must be lacking before a stream is worth it. */
  constructor(thresholdBytes: number, ports: CatchUpPorts) {
    this.#thresholdBytes = thresholdBytes;
    this.#ports = ports;
  }

  /** Whether a stream is open. Its segments come in order: others that continue the same logs would be too early. */
  get busy(): boolean {
    return this.#stream !== undefined;
  }

  /** Whether a stream is open that brings something: what it brings, nobody else need be asked for. */
  isBringing(nowMs: number): boolean {
    return this.#stream !== undefined && nowMs < this.#stream.dueMs - patienceMs + lateMs;
  }

  get deadlineMs(): number {
    return this.#stream?.dueMs ?? Number.POSITIVE_INFINITY;
  }

  progress(nowMs: number): CatchUpProgress | undefined {
    if (this.#stream === undefined) return undefined;
    const { peer, entries, lacking, bytes, startedAtMs } = this.#stream;
    return { from: peer.name, entries, of: Math.max(entries, lacking), bytes, elapsedMs: nowMs - startedAtMs };
  }

  /** Notes what segments weigh. */
  weigh(segments: readonly CheckedSegment[]): void {
    for (const { segment } of segments) {
      const { bytes, entries } = this.#seen;
      this.#seen = {
        bytes: bytes * decay + segment.bytes.length,
        entries: entries * decay + segment.records.length,
      };
    }
  }

  /**
   * Opens a stream from `peer`, which holds logs up to `sizes`, if so much is lacking that it is worth it. Only while
   * everything that was received is flushed.
   */
  begin(peer: MemberDigest, sizes: ReadonlyMap<string, number>, ownOrigin: string, nowMs: number): boolean {
    const { flushed, emit } = this.#ports;
    if (this.#stream !== undefined || peer.state !== 'alive' || this.#isAvoided(peer.origin, nowMs)) return false;
    // A node that lacks entries of its own may not write before it has them.
    const origins = sizes.has(ownOrigin) ? [ownOrigin] : [...sizes.keys()].slice(0, maxOrigins).sort();
    const lacking = origins.reduce((sum, origin) => sum + (sizes.get(origin) ?? 0) - flushed.size(origin), 0);
    if (lacking * this.#entryBytes() < this.#thresholdBytes) return false;
    const id = this.#nextId++;
    const since = new Map(origins.map((origin) => [origin, flushed.size(origin)]));
    const dueMs = nowMs + patienceMs;
    const withheld = new Set<string>();
    this.#stream = {
      id,
      peer,
      startedAtMs: nowMs,
      lacking,
      entries: 0,
      bytes: 0,
      dueMs,
      barrenChunks: 0,
      withheld,
    };
    emit({ type: 'catch-up', stream: id, peer, origins, since });
    return true;
  }

  /** From whom the stream comes; undefined when it is not open any more, and what comes of it is too late. */
  peerOf(streamId: number): MemberDigest | undefined {
    return this.#stream?.id === streamId ? this.#stream.peer : undefined;
  }

  /** Takes in the chunk that was asked for. */
  receive(segments: readonly Segment[], nowMs: number): Harvest {
    const harvest: Harvest = { segments: [], known: 0, refused: [], withheld: 0 };
    const stream = this.#stream;
    if (stream === undefined) return harvest;
    stream.dueMs = Number.POSITIVE_INFINITY;
    for (const segment of segments) {
      const extension = this.#ports.tips.extend(segment, stream.peer.origin);
      if (extension.kind === 'known') {
        harvest.known++;
      } else if (extension.kind === 'withheld' || (extension.kind === 'early' && stream.withheld.has(segment.origin))) {
        harvest.withheld++;
        stream.withheld.add(segment.origin);
      } else if (extension.kind === 'extended') {
        harvest.segments.push(extension.checked);
        this.#count(stream, segment);
      } else {
        // Out of order, or not what the origin wrote: nothing that follows can be of use.
        if (extension.kind === 'refused') harvest.refused.push(extension.reason);
        this.abandon(nowMs);
        return harvest;
      }
    }
    stream.barrenChunks = harvest.segments.length > 0 ? 0 : stream.barrenChunks + 1;
    if (stream.barrenChunks === maxBarrenChunks) this.abandon(nowMs);
    return harvest;
  }

  /** Asks for the next chunk unless enough is waiting for the disk, and gives a silent peer up. */
  advance(stagedBytes: number, nowMs: number): void {
    const stream = this.#stream;
    if (stream === undefined) return;
    if (nowMs >= stream.dueMs) {
      this.abandon(nowMs);
    } else if (stream.dueMs === Number.POSITIVE_INFINITY && stagedBytes < maxStagedBytes) {
      stream.dueMs = nowMs + patienceMs;
      this.#ports.emit({ type: 'catch-up-next', stream: stream.id });
    }
  }

  /** The stream is over: all of it came, or it broke. */
  ended(streamId: number, isComplete: boolean, nowMs: number): void {
    const stream = this.#stream;
    if (stream?.id !== streamId) return;
    this.#stream = undefined;
    this.counts.outcomes[isComplete ? 'complete' : 'broken']++;
    if (!isComplete || stream.entries === 0) this.#avoid(stream.peer.origin, nowMs);
  }

  /** Gives the stream up, if one is open. */
  abandon(nowMs: number): void {
    const stream = this.#stream;
    if (stream === undefined) return;
    this.ended(stream.id, false, nowMs);
    this.#ports.emit({ type: 'catch-up-end', stream: stream.id });
  }

  #count(stream: Stream, segment: Segment): void {
    const [entries, bytes] = [segment.records.length, segment.bytes.length];
    stream.entries += entries;
    stream.bytes += bytes;
    this.counts.entries += entries;
    this.counts.bytes += bytes;
  }

  /** 0 as long as no segment has been seen: then a pull shows what they weigh. */
  #entryBytes(): number {
    return this.#seen.entries === 0 ? 0 : this.#seen.bytes / this.#seen.entries;
  }

  #isAvoided(peer: string, nowMs: number): boolean {
    return nowMs < (this.#avoided.get(peer) ?? 0);
  }

  #avoid(peer: string, nowMs: number): void {
    // As many as there are members of whom a stream was asked within `retryMs`.
    for (const [other, untilMs] of this.#avoided) if (untilMs <= nowMs) this.#avoided.delete(other);
    this.#avoided.set(peer, nowMs + retryMs);
  }
}
