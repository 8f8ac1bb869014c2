import type { CheckedSegment } from '../store/log-store.ts';
import type { PlacedPublish, Writer } from './writer.ts';

/** Commits under way at once: while one is being flushed the next is written. More would only split groups that share an fsync. */
const maxInFlight = 2;
/** Bytes of segments in one commit: bounds how long a small publish waits behind a large one. */
const maxCommitBytes = 4 * 1024 * 1024;

interface Batch {
  readonly batch: number;
  readonly segments: readonly CheckedSegment[];
  readonly placed: readonly PlacedPublish[];
}

/** Gathers segments, from peers and from this node's writer, into commits, and keeps their order. */
export class CommitPipeline {
  readonly #writer: Writer;
  readonly #ownOrigin: string;
  #staged: CheckedSegment[] = [];
  #stagedBytes = 0;
  #inFlight: Batch[] = [];
  #nextBatch = 1;

  constructor(writer: Writer, ownOrigin: string) {
    this.#writer = writer;
    this.#ownOrigin = ownOrigin;
  }

  /** Segments from peers, already checked. */
  stage(segments: readonly CheckedSegment[]): void {
    this.#staged.push(...segments);
    this.#stagedBytes += bytesOf(segments);
  }

  /** Forgets segments of `origin` that no commit has taken yet. */
  drop(origin: string): void {
    this.#staged = this.#staged.filter(({ segment }) => segment.origin !== origin);
    this.#stagedBytes = bytesOf(this.#staged);
  }

  /** Whether anything from a peer is not flushed yet. A vector that was sent now would ask for it again. */
  get receiving(): boolean {
    return (
      this.#staged.length > 0 || this.#inFlight.some(({ segments }) => segments.some((one) => this.#isForeign(one)))
    );
  }

  /** Bytes of segments from peers that no commit has taken yet. */
  get stagedBytes(): number {
    return this.#stagedBytes;
  }

  get idle(): boolean {
    return this.#staged.length === 0 && this.#inFlight.length === 0;
  }

  /**
   * Segments to commit now; undefined when there are none or enough commits are under way. Those of this node's own log
   * only when it `mayWrite`.
   */
  next(wallMs: number, mayWrite: boolean): { batch: number; segments: readonly CheckedSegment[] } | undefined {
    if (this.#inFlight.length >= maxInFlight) return undefined;
    const foreign = this.#takeStaged();
    const { segments: own, placed } = mayWrite ? this.#writer.write(wallMs, maxCommitBytes) : nothingWritten;
    const segments = [...foreign, ...own];
    if (segments.length === 0) return undefined;
    const batch = { batch: this.#nextBatch++, segments, placed };
    this.#inFlight.push(batch);
    return batch;
  }

  /** The oldest commit has been flushed. */
  committed(batch: number): Batch {
    const [first, ...rest] = this.#inFlight;
    if (first?.batch !== batch) throw new RangeError(`Expected the outcome of commit ${first?.batch}, found ${batch}.`);
    this.#inFlight = rest;
    return first;
  }

  /**
   * A commit failed: everything that waits or follows is built on it and fails with it. Answers the tickets of the publishes
   * that are lost, none of which has been acknowledged.
   */
  failed(): number[] {
    const placed = this.#inFlight.flatMap((batch) => batch.placed);
    const lost = [...placed.map(({ ticket }) => ticket), ...this.#writer.drain()];
    this.#staged = [];
    this.#stagedBytes = 0;
    this.#inFlight = [];
    return lost;
  }

  /** Whether `batch` is still counted; the commits that were under way when an earlier one failed are not. */
  awaits(batch: number): boolean {
    return this.#inFlight.some((one) => one.batch === batch);
  }

  #isForeign({ segment }: CheckedSegment): boolean {
    return segment.origin !== this.#ownOrigin;
  }

  #takeStaged(): CheckedSegment[] {
    let bytes = 0;
    let count = 0;
    while (count < this.#staged.length && bytes < maxCommitBytes)
      bytes += this.#staged[count++]?.segment.bytes.length ?? 0;
    this.#stagedBytes -= bytes;
    return this.#staged.splice(0, count);
  }
}

function bytesOf(segments: readonly CheckedSegment[]): number {
  return segments.reduce((sum, { segment }) => sum + segment.bytes.length, 0);
}

const nothingWritten: ReturnType<Writer['write']> = { segments: [], placed: [] };
