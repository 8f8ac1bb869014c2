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
import { ByteReader, ByteWriter } from '@grapevine/shared/log/bytes.ts';
import type { Batch } from './batch.ts';
import type { KeyRange, KeyValueReader } from './key-value.ts';
import { metaKey, successor } from './keys.ts';
import { compareAt, copyRecord, matchesIn, prefixBytes, recordBytes } from './place-record.ts';

/** Runs of one level that are merged into one of the next: fewer mean more rewriting, more mean more places to look. */
const fanOut = 4;
/** Fills one LMDB overflow page: 4,096 bytes less its header of 24. */
const recordsPerChunk = 254;
const chunkBytes = recordsPerChunk * recordBytes;

interface Run {
  readonly id: number;
  readonly level: number;
  /** The run that this one is being merged into; 0 for none. */
  readonly into: number;
}

interface Manifest {
  /** From 1 on. */
  readonly nextId: number;
  /** Oldest first. */
  readonly runs: readonly Run[];
}

/** The records of index `index` that start with `prefix`, in no particular order, some perhaps twice. */
export function findInRuns(reader: KeyValueReader, index: number, prefix: Uint8Array): Uint8Array[] {
  const found: Uint8Array[] = [];
  const lowest = new Uint8Array(recordBytes);
  const highest = new Uint8Array(recordBytes).fill(0xff);
  highest.set(prefix.subarray(0, prefixBytes));
  for (const { id } of readManifest(reader, index).runs) {
    const range = {
      from: chunkKey(index, id, lowest),
      to: successor(chunkKey(index, id, highest)),
      reverse: true,
    };
    for (const [, chunk] of reader.range('runs', range)) {
      found.push(...matchesIn(chunk, prefix));
      // Records of one prefix may have begun in the chunk before.
      if (compareAt(chunk, 0, prefix, 0, prefixBytes) < 0) break;
    }
  }
  return found;
}

/** Adds sorted records as a new run. */
export function addRun(batch: Batch, index: number, sorted: Uint8Array): void {
  if (sorted.length === 0) return;
  const { nextId, runs } = readManifest(batch, index);
  for (let at = 0; at < sorted.length; at += chunkBytes) {
    putChunk(batch, index, nextId, sorted.subarray(at, at + chunkBytes));
  }
  writeManifest(batch, index, { nextId: nextId + 1, runs: [...runs, { id: nextId, level: 0, into: 0 }] });
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
    const output = manifest.runs.find((run) =>
      manifest.runs.some(({ into, level: from }) => into === run.id && from === level),
    );
    if (output === undefined) continue;
    const inputs = manifest.runs.filter(({ into }) => into === output.id);
    const { moved, finished } = mergeStep(batch, index, inputs, output, left);
    left -= moved;
    if (finished) manifest = { ...manifest, runs: manifest.runs.filter(({ into }) => into !== output.id) };
  }
  writeManifest(batch, index, manifest);
}

/** Has the oldest runs of `level` flow into a new run, when there are enough and no merge of that level is under way. */
function startMerge(manifest: Manifest, level: number): Manifest {
  const ofLevel = manifest.runs.filter((run) => run.level === level);
  const output = manifest.nextId;
  // A run that is itself still growing must not be merged further: its last record would stop meaning how far it got.
  const grown = ofLevel.filter((run) => run.into === 0 && !manifest.runs.some(({ into }) => into === run.id));
  if (grown.length < fanOut || ofLevel.some(({ into }) => into !== 0)) return manifest;
  const inputs = new Set(grown.slice(0, fanOut));
  const runs = manifest.runs.map((run) => (inputs.has(run) ? { ...run, into: output } : run));
  return { nextId: output + 1, runs: [...runs, { id: output, level: level + 1, into: 0 }] };
}

/** Moves whole chunks' worth of records from the inputs to the output until `budget` is used up or nothing is left. */
function mergeStep(
  batch: Batch,
  index: number,
  inputs: readonly Run[],
  output: Run,
  budget: number,
): { moved: number; finished: boolean } {
  const last = lastRecord(batch, index, output.id);
  const cursors = inputs.map((run) => new RunCursor(batch, index, run.id, last));
  const chunks: Uint8Array[] = [];
  let moved = 0;
  let finished = false;
  while (!finished && moved < budget) {
    const chunk = nextChunk(cursors);
    finished = chunk.length < chunkBytes;
    if (chunk.length > 0) chunks.push(chunk);
    moved += chunk.length / recordBytes;
  }
  for (const cursor of cursors) cursor.close();
  for (const chunk of chunks) putChunk(batch, index, output.id, chunk);
  return { moved, finished };
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
  readonly #batch: Batch;
  readonly #chunks: Iterator<readonly [key: Uint8Array, value: Uint8Array]>;
  readonly #consumed: Uint8Array[] = [];
  #key: Uint8Array | undefined;
  /** The record under the cursor is at `at` in `chunk`. */
  chunk = new Uint8Array(0);
  at = 0;
  done = false;

  /** Starts behind `after`. */
  constructor(batch: Batch, index: number, run: number, after: Uint8Array | undefined) {
    this.#batch = batch;
    this.#chunks = batch.range('runs', chunksOf(index, run))[Symbol.iterator]();
    this.#nextChunk();
    while (after !== undefined && !this.done && compareAt(this.chunk, this.at, after, 0, recordBytes) <= 0)
      this.advance();
  }

  advance(): void {
    this.at += recordBytes;
    if (this.at === this.chunk.length) this.#nextChunk();
  }

  /** Deletes the chunks that the cursor has left behind and ends reading: an open iterator would pin old pages. */
  close(): void {
    this.#chunks.return?.();
    for (const key of this.#consumed) this.#batch.delete('runs', key);
  }

  #nextChunk(): void {
    if (this.#key !== undefined) this.#consumed.push(this.#key);
    const next = this.#chunks.next();
    this.done = next.done === true;
    this.#key = next.done === true ? undefined : next.value[0];
    this.chunk = next.done === true ? new Uint8Array(0) : new Uint8Array(next.value[1]);
    this.at = 0;
  }
}

function lastRecord(reader: KeyValueReader, index: number, run: number): Uint8Array | undefined {
  for (const [, chunk] of reader.range('runs', { ...chunksOf(index, run), reverse: true })) {
    return chunk.subarray(-recordBytes);
  }
  return undefined;
}

function putChunk(batch: Batch, index: number, run: number, chunk: Uint8Array): void {
  batch.put('runs', chunkKey(index, run, chunk.subarray(0, recordBytes)), chunk);
}

function chunksOf(index: number, run: number): KeyRange {
  const first = new Uint8Array(recordBytes);
  return { from: chunkKey(index, run, first), to: chunkKey(index, run + 1, first) };
}

/** A chunk is found by its first record. */
function chunkKey(index: number, run: number, firstRecord: Uint8Array): Uint8Array {
  const writer = new ByteWriter(1 + 4 + recordBytes, 1 + 4 + recordBytes);
  writer.u8(index);
  writer.u32(run);
  writer.bytes(firstRecord);
  return writer.finish();
}

/** The manifest in `meta`: `nextId u32 · (id u32 · level u8 · into u32) × runs`. */
function readManifest(reader: KeyValueReader, index: number): Manifest {
  const bytes = reader.get('meta', manifestKey(index));
  if (bytes === undefined) return { nextId: 1, runs: [] };
  const fields = new ByteReader(bytes);
  const nextId = fields.u32();
  const runs: Run[] = [];
  while (fields.remaining > 0) runs.push({ id: fields.u32(), level: fields.u8(), into: fields.u32() });
  return { nextId, runs };
}

function writeManifest(batch: Batch, index: number, { nextId, runs }: Manifest): void {
  // Every level keeps fewer than 3 × fanOut runs, and 2^32 runs make 16 levels.
  const writer = new ByteWriter(4 + 9 * 3 * fanOut * 16);
  writer.u32(nextId);
  for (const { id, level, into } of runs) {
    writer.u32(id);
    writer.u8(level);
    writer.u32(into);
  }
  batch.put('meta', manifestKey(index), writer.finish());
}

function manifestKey(index: number): Uint8Array {
  return metaKey(`runs/${index}`);
}
