/**
 * An index on disk as sorted runs (a log-structured merge tree, O'Neil et al. 1996): new records arrive as one sorted run,
 * and runs of like size are merged into larger ones. A B-tree would have to change one random page per record, which
 * costs two thirds of the write throughput; here pages are only ever written in order.
 *
 * A run is cut into chunks of one page. Merging goes on a step at a time: the output run grows, and chunks of the inputs that
 * have gone into it are deleted, so that at every moment each record is in a run of the manifest. Merges hold
 *
 * - S1: records of one run are strictly ascending, over its chunks as well;
 * - S2: what an input still has at or below the output's last record is in the output, too.
 */
import type { Batch } from './batch.ts';
import { chunkKey } from './keys.ts';
import { compareAt, copyRecord, recordBytes } from './place-record.ts';
import { type Manifest, type Run, readManifest, writeManifest } from './run-manifest.ts';
import { readChunk } from './run-search.ts';

/** Runs of one level that are merged into one of the next: fewer mean more rewriting, more mean more places to look. */
const fanOut = 4;
/** Fills one LMDB overflow page: 4,096 bytes less its header of 24. */
const recordsPerChunk = 254;
const chunkBytes = recordsPerChunk * recordBytes;

/** Adds sorted records as a new run. */
export function addRun(batch: Batch, index: number, sorted: Uint8Array): void {
  if (sorted.length === 0) return;
  const { nextId, runs } = readManifest(batch, index);
  const empty = { id: nextId, level: 0, into: 0, first: 0, end: 0 };
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < sorted.length; at += chunkBytes) chunks.push(sorted.subarray(at, at + chunkBytes));
  writeManifest(batch, index, { nextId: nextId + 1, runs: [...runs, append(batch, index, empty, chunks)] });
}

/**
 * Goes on with merges, the smallest first, for about `budget` records per level that there is: each record passes each
 * level once, so that merging keeps up when `budget` records are added between calls.
 */
export function mergeRuns(batch: Batch, index: number, budget: number): void {
  let manifest = readManifest(batch, index);
  const levels = 1 + Math.max(0, ...manifest.runs.map(({ level }) => level));
  let left = budget * (levels + 1);
  for (let level = 0; level <= levels && left > 0; level++) {
    manifest = startMerge(manifest, level);
    const inputs = manifest.runs.filter((run) => run.level === level && run.into !== 0);
    const output = manifest.runs.find(({ id }) => id === inputs[0]?.into);
    if (output === undefined) continue;
    const step = mergeStep(batch, index, inputs, output, left);
    left -= step.moved;
    manifest = { ...manifest, runs: manifest.runs.flatMap((run) => step.replaced.get(run.id) ?? run) };
  }
  writeManifest(batch, index, manifest);
}

/** Has the oldest runs of `level` flow into a new run, when there are enough and no merge of that level is under way. */
function startMerge(manifest: Manifest, level: number): Manifest {
  const ofLevel = manifest.runs.filter((run) => run.level === level);
  // A run that is itself still growing must not be merged further: its last record would stop meaning how far it got.
  const grown = ofLevel.filter((run) => run.into === 0 && !manifest.runs.some(({ into }) => into === run.id));
  if (grown.length < fanOut || ofLevel.some(({ into }) => into !== 0)) return manifest;
  const inputs = new Set(grown.slice(0, fanOut));
  const output = { id: manifest.nextId, level: level + 1, into: 0, first: 0, end: 0 };
  const runs = manifest.runs.map((run) => (inputs.has(run) ? { ...run, into: output.id } : run));
  return { nextId: output.id + 1, runs: [...runs, output] };
}

interface MergeStep {
  /** Records. */
  readonly moved: number;
  /** What becomes of the runs that took part, by id; no run for an input that is used up. */
  readonly replaced: ReadonlyMap<number, readonly Run[]>;
}

/** Moves whole chunks' worth of records from the inputs to the output until `budget` is used up or nothing is left. */
function mergeStep(batch: Batch, index: number, inputs: readonly Run[], output: Run, budget: number): MergeStep {
  const last = output.first === output.end ? undefined : readChunk(batch, index, output, output.end - 1);
  const cursors = inputs.map((run) => new RunCursor(batch, index, run, last?.subarray(-recordBytes)));
  const chunks: Uint8Array[] = [];
  let moved = 0;
  let finished = false;
  while (!finished && moved < budget) {
    const chunk = nextChunk(cursors);
    finished = chunk.length < chunkBytes;
    if (chunk.length > 0) chunks.push(chunk);
    moved += chunk.length / recordBytes;
  }
  const replaced = new Map(cursors.map((cursor) => [cursor.run.id, cursor.deleteConsumed()]));
  return { moved, replaced: replaced.set(output.id, [append(batch, index, output, chunks)]) };
}

/** The next records of all cursors in order: a full chunk, or what is left. */
function nextChunk(cursors: readonly RunCursor[]): Uint8Array {
  const chunk = new Uint8Array(chunkBytes);
  let length = 0;
  while (length < chunkBytes) {
    const least = leastOf(cursors);
    if (least === undefined) break;
    copyRecord(least.chunk, least.at, chunk, length);
    length += recordBytes;
    least.advance();
  }
  return chunk.subarray(0, length);
}

function leastOf(cursors: readonly RunCursor[]): RunCursor | undefined {
  let least: RunCursor | undefined;
  for (const cursor of cursors) {
    if (cursor.done) continue;
    if (least === undefined || compareAt(cursor.chunk, cursor.at, least.chunk, least.at, recordBytes) < 0)
      least = cursor;
  }
  return least;
}

/** Reads a run's records one by one. */
class RunCursor {
  readonly run: Run;
  readonly #batch: Batch;
  readonly #index: number;
  #number: number;
  /** The record under the cursor is at `at` in `chunk`. */
  chunk = new Uint8Array(0);
  at = 0;

  /** Starts behind `after`. */
  constructor(batch: Batch, index: number, run: Run, after: Uint8Array | undefined) {
    this.#batch = batch;
    this.#index = index;
    this.run = run;
    this.#number = run.first;
    this.#read();
    while (after !== undefined && !this.done && compareAt(this.chunk, this.at, after, 0, recordBytes) <= 0) {
      this.advance();
    }
  }

  get done(): boolean {
    return this.#number === this.run.end;
  }

  advance(): void {
    this.at += recordBytes;
    if (this.at < this.chunk.length) return;
    this.#number += 1;
    this.#read();
  }

  /** Deletes the chunks that the cursor has left behind; gives what is left of the run. */
  deleteConsumed(): Run[] {
    const { id, first } = this.run;
    for (let number = first; number < this.#number; number++) {
      this.#batch.delete('runs', chunkKey(this.#index, id, number));
    }
    return this.done ? [] : [{ ...this.run, first: this.#number }];
  }

  #read(): void {
    this.at = 0;
    if (!this.done) this.chunk = new Uint8Array(readChunk(this.#batch, this.#index, this.run, this.#number));
  }
}

/** Puts chunks at the end of a run; gives the longer run. */
function append(batch: Batch, index: number, run: Run, chunks: readonly Uint8Array[]): Run {
  for (const [i, chunk] of chunks.entries()) batch.put('runs', chunkKey(index, run.id, run.end + i), chunk);
  return { ...run, end: run.end + chunks.length };
}
