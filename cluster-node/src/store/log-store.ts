import type { Entry } from '@grapevine/shared/log/entry.ts';
import type { SignedHead } from '@grapevine/shared/log/head.ts';
import type { NodeReader } from '@grapevine/shared/merkle/tree-reader.ts';
import type { Indexes } from '../views/indexes.ts';
import type { Segment } from '../wire/segment.ts';
import type { Batch } from './batch.ts';
import type { DataDamage } from './damage.ts';
import type { KeyValueReader } from './key-value.ts';

/** Neighbouring tree nodes `(level, first)`, `(level, first + 1)` … that became complete; `hashes` holds theirs one after the other. */
export interface NodeRun {
  readonly level: number;
  readonly first: number;
  readonly hashes: Uint8Array;
}

/** A segment whose signature, sequence and root have been checked against everything before it. Only such ones are committed. */
export interface CheckedSegment {
  readonly segment: Segment;
  /** The decoded entries; undefined where a record has been erased. */
  readonly entries: readonly (Entry | undefined)[];
  /** Leaf hashes of the records, 32 bytes each, one after the other: the message ids. */
  readonly leafHashes: Uint8Array;
  /** Every tree node that this segment completes, as `Frontier.append` reports them: leaves first, then level by level. */
  readonly nodes: readonly NodeRun[];
}

/**
 * Changes what is stored already, as retention and repair do. It reads and changes `batch` at once, without I/O of its own,
 * and keeps the work small: commits wait for it. Trees and heads must stay as they are, and views what the logs make them.
 */
export type Maintenance<Result> = (batch: Batch, indexes: Indexes) => Result;

/**
 * The write model: per-origin logs with their trees. Implementations pass `log-store.contract.ts`.
 *
 * Invariants:
 * - L1: what a read shows has been flushed to disk; a crash never takes it back.
 * - L2: a commit is atomic: all its segments with tree and views, or nothing.
 * - L3: per origin, segments are contiguous: `commit` rejects one whose `firstSeq` is not the size before it.
 */
export interface LogStore {
  /** The newest signed head of every origin, in no particular order. */
  heads(): SignedHead[];
  /** Appends in order. Resolves when everything is flushed and visible; rejects when nothing of it is. Calls may overlap; they commit in call order. */
  commit(segments: readonly CheckedSegment[]): Promise<void>;
  /**
   * Runs `change` over what is flushed and the commits called before, and writes what it changed as one, in the order of
   * the calls. Resolves with its result when that is flushed and visible; rejects, with nothing changed, when it throws or
   * the write fails.
   */
  maintain<Result>(change: Maintenance<Result>): Promise<Result>;
  /**
   * Verbatim segments of `origin` from the one that holds entry `seq`, until `maxBytes` would be passed; always at least
   * one when there is one. Ends before one that is damaged, as far as that shows without hashing.
   */
  segmentsFrom(origin: string, seq: number, maxBytes: number): Uint8Array[];
  /** The complete tree nodes of `origin`; reading one that is not there throws `DataDamage`. */
  tree(origin: string): NodeReader;
  /** All that is flushed, for checking it. */
  readonly flushed: KeyValueReader;
  /** Calls back when `segmentsFrom` ended early at a segment that cannot be read. One listener. */
  onDamage(listener: (damage: DataDamage) => void): void;
}
