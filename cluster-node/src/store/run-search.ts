import { damaged } from './damage.ts';
import type { KeyValueReader } from './key-value.ts';
import { chunkKey } from './keys.ts';
import { compareAt, matchesIn, prefixBytes, recordBytes } from './place-record.ts';
import { type Run, readManifest } from './run-manifest.ts';

/** Guesses by proportion before the search halves: two find the chunk among millions, unless somebody chose the hashes. */
const maxGuesses = 3;

/** The records of index `index` that start with `prefix`, in no particular order, some perhaps twice. */
export function findInRuns(reader: KeyValueReader, index: number, prefix: Uint8Array): Uint8Array[] {
  return readManifest(reader, index).runs.flatMap((run) => findInRun(reader, index, run, prefix));
}

/** The chunk `number` of a run; throws `DATA_DAMAGED` when it is not there. */
export function readChunk(reader: KeyValueReader, index: number, run: Run, number: number): Uint8Array {
  const chunk = reader.get('runs', chunkKey(index, run.id, number));
  if (chunk === undefined || chunk.length === 0 || chunk.length % recordBytes !== 0) {
    throw damaged(`Run ${index}/${run.id}: expected chunk ${number}, found ${chunk?.length ?? 'none'}.`);
  }
  return chunk;
}

type ReadNumber = (number: number) => Uint8Array;

function findInRun(reader: KeyValueReader, index: number, run: Run, prefix: Uint8Array): Uint8Array[] {
  const read = rememberLast((number) => readChunk(reader, index, run, number));
  const found: Uint8Array[] = [];
  for (let number = firstChunkWith(read, run, prefix); number < run.end; number++) {
    const chunk = read(number);
    found.push(...matchesIn(chunk, prefix));
    // Only when the prefix goes on to the very end can there be more of it behind.
    if (compareLast(chunk, prefix) > 0) break;
  }
  return found;
}

/** The search ends at the chunk that is looked into next: once is enough to read it. */
function rememberLast(read: ReadNumber): ReadNumber {
  let last: { readonly number: number; readonly chunk: Uint8Array } | undefined;
  return (number) => {
    if (last?.number !== number) last = { number, chunk: read(number) };
    return last.chunk;
  };
}

/** Number of the first chunk that ends at or behind `prefix`; `run.end` when all end before it. */
function firstChunkWith(read: ReadNumber, run: Run, prefix: Uint8Array): number {
  const wanted = proportionOf(prefix, 0);
  let [low, high] = [run.first, run.end];
  let [lowest, highest] = [0, 1];
  for (let step = 0; low < high; step++) {
    const share = step < maxGuesses && lowest < highest ? (wanted - lowest) / (highest - lowest) : 0.5;
    const number = Math.min(high - 1, low + Math.floor(Math.max(0, share) * (high - low)));
    const chunk = read(number);
    if (compareLast(chunk, prefix) < 0) {
      low = number + 1;
      lowest = proportionOf(chunk, chunk.length - recordBytes);
    } else if (compareAt(chunk, 0, prefix, 0, prefixBytes) < 0) {
      return number;
    } else {
      high = number;
      highest = proportionOf(chunk, 0);
    }
  }
  return low;
}

function compareLast(chunk: Uint8Array, prefix: Uint8Array): number {
  return compareAt(chunk, chunk.length - recordBytes, prefix, 0, prefixBytes);
}

/** Where the hash at `at` lies among all hashes, from 0 to 1. */
function proportionOf(bytes: Uint8Array, at: number): number {
  let value = 0;
  for (let i = 5; i >= 0; i--) value = (value + (bytes[at + i] ?? 0)) / 256;
  return value;
}
