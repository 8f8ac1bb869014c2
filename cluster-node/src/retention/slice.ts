import type { TreeHash } from '@grapevine/shared/merkle/tree-hash.ts';
import { Batch } from '../store/batch.ts';
import { DataDamage } from '../store/damage.ts';
import { type ErasedEntry, eraseEntries } from '../views/erasure.ts';
import type { Indexes } from '../views/indexes.ts';
import type { Segment } from '../wire/segment.ts';

/**
 * Bytes of segments that one slice reads. Commits wait for it, a few milliseconds for these; a segment as large as they
 * come is read as well, so that every slice gets on.
 */
const maxSliceBytes = 128 * 1024;
/** What looking at a segment or topic counts for at least: there may be millions with nothing to do. */
const leastBytes = 256;

/** One turn of retention over a store: a bounded piece of work on one batch. */
export class Slice {
  readonly batch: Batch;
  readonly #indexes: Indexes;
  readonly #hash: TreeHash;
  readonly erased: ErasedEntry[] = [];
  /** What could not be read: it is for repair. */
  readonly damage: DataDamage[] = [];
  #bytes = 0;

  constructor(batch: Batch, indexes: Indexes, hash: TreeHash) {
    this.batch = batch;
    this.#indexes = indexes;
    this.#hash = hash;
  }

  /** Whether enough has been done for one turn. */
  get isFull(): boolean {
    return this.#bytes >= maxSliceBytes;
  }

  /** Counts bytes that were read. */
  spend(bytes: number): void {
    this.#bytes += Math.max(bytes, leastBytes);
  }

  /** Erases the entries `seqs`, ascending, of a segment; leaves it as it is when it is damaged. */
  erase(segment: Segment, seqs: readonly number[]): void {
    // On a batch of its own: what a damaged one has begun must not be written.
    const own = new Batch(this.batch);
    try {
      this.erased.push(...eraseEntries(own, this.#indexes, this.#hash, segment, seqs));
    } catch (error) {
      this.skip(error);
      return;
    }
    for (const change of own.changes()) this.batch.add(change);
  }

  /** Passes over what could not be read because it is damaged; throws what else went wrong. */
  skip(error: unknown): void {
    if (!(error instanceof DataDamage)) throw error;
    this.damage.push(error);
  }
}
