import type { Batch } from './batch.ts';
import type { KeyValueReader } from './key-value.ts';
import { Memtable } from './memtable.ts';
import { type Place, placeOf, prefixBytes } from './place-record.ts';
import { findInRuns } from './run-search.ts';
import { addRun, mergeRuns } from './sorted-runs.ts';

/**
 * From the first bytes of a hash to places in the logs: the newest records in memory, the others in sorted runs. What it
 * finds are candidates: hashes may begin alike, and records of a commit under way are not flushed yet.
 */
export class PlaceIndex {
  readonly #index: number;
  readonly #capacity: number;
  #recent: Memtable;
  /** Written by the transactions under way, kept for readers until those are visible. */
  #flushing: { readonly flush: number; readonly memtable: Memtable }[] = [];

  /** `index`: its number in the table `runs`; `capacity`: records between two flushes, as for `Memtable`. */
  constructor(index: number, capacity: number) {
    this.#index = index;
    this.#capacity = capacity;
    this.#recent = new Memtable(capacity);
  }

  add(hash: Uint8Array, place: Place): void {
    this.#recent.add(hash, place);
  }

  find(reader: KeyValueReader, hash: Uint8Array): Place[] {
    const prefix = hash.subarray(0, prefixBytes);
    const memtables = [this.#recent, ...this.#flushing.map(({ memtable }) => memtable)];
    const recent = memtables.flatMap((memtable) => memtable.find(prefix));
    return [...recent, ...findInRuns(reader, this.#index, prefix)].map(placeOf);
  }

  /** Moves the records in memory to a run, and goes on with merging in proportion. Flushes are numbered, ascending. */
  flush(batch: Batch, flush: number): void {
    addRun(batch, this.#index, this.#recent.sorted());
    mergeRuns(batch, this.#index, this.#capacity);
    this.#flushing.push({ flush, memtable: this.#recent });
    this.#recent = new Memtable(this.#capacity);
  }

  /** What the flushes up to `flush` have moved is visible now. */
  settle(flush: number): void {
    this.#flushing = this.#flushing.filter((flushing) => flushing.flush > flush);
  }

  /** Forgets what is in memory. */
  clear(): void {
    this.#recent = new Memtable(this.#capacity);
    this.#flushing = [];
  }
}
