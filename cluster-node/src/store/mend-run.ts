import type { Batch } from './batch.ts';
import type { KeyValueReader } from './key-value.ts';
import { chunkKey } from './keys.ts';
import { compareAt, recordBytes } from './place-record.ts';
import { type Run, readManifest } from './run-manifest.ts';

/**
 * Takes records out of `count` chunks of a run, from number `from` on, that are not where they belong by their order: a search
 * would miss others because of them, and a merge would hand the disorder on. What was there is for whoever knows the logs
 * to add again. A chunk that is missing, or left empty, gets a copy of a neighbour's record, which does no harm. Answers the
 * number to go on with, undefined at the end, and in how many chunks something was wrong.
 */
export function mendRun(
  batch: Batch,
  index: number,
  id: number,
  from: number,
  count: number,
): { readonly next: number | undefined; readonly mended: number } {
  const run = readManifest(batch, index).runs.find((one) => one.id === id);
  if (run === undefined) return { next: undefined, mended: 0 };
  let number = Math.max(from, run.first);
  let mended = 0;
  for (const end = Math.min(run.end, number + count); number < end; number++) {
    if (mendChunk(batch, index, run, number)) mended += 1;
  }
  return { next: number < run.end ? number : undefined, mended };
}

function mendChunk(batch: Batch, index: number, run: Run, number: number): boolean {
  const chunk = recordsOf(batch, index, run, number);
  const above = number === run.first ? undefined : recordsOf(batch, index, run, number - 1)?.subarray(-recordBytes);
  const below = number + 1 === run.end ? undefined : recordsOf(batch, index, run, number + 1)?.subarray(0, recordBytes);
  const kept = chunk === undefined ? new Uint8Array(0) : inOrder(chunk, above, below);
  if (kept.length === chunk?.length) return false;
  const value = kept.length > 0 ? kept : (above ?? below ?? new Uint8Array(recordBytes));
  batch.put('runs', chunkKey(index, run.id, number), value.slice());
  return true;
}

/** Undefined when it is not there or no chunk. */
function recordsOf(reader: KeyValueReader, index: number, run: Run, number: number): Uint8Array | undefined {
  const chunk = reader.get('runs', chunkKey(index, run.id, number));
  return chunk === undefined || chunk.length === 0 || chunk.length % recordBytes !== 0 ? undefined : chunk;
}

/** The records from `above` to `below` that ascend. */
function inOrder(chunk: Uint8Array, above: Uint8Array | undefined, below: Uint8Array | undefined): Uint8Array {
  const kept: Uint8Array[] = [];
  let last = above;
  for (let at = 0; at < chunk.length; at += recordBytes) {
    if (last !== undefined && compareAt(chunk, at, last, 0, recordBytes) < 0) continue;
    if (below !== undefined && compareAt(chunk, at, below, 0, recordBytes) > 0) continue;
    last = chunk.subarray(at, at + recordBytes);
    kept.push(last);
  }
  return kept.length * recordBytes === chunk.length ? chunk : new Uint8Array(Buffer.concat(kept));
}
