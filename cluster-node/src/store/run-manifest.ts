/** Which runs an index consists of: in `meta`, `nextId u32 · (id u32 · level u8 · into u32 · first u32 · end u32) × runs`. */
import { ByteReader, ByteWriter } from '@grapevine/shared/log/bytes.ts';
import type { Batch } from './batch.ts';
import { readStored } from './damage.ts';
import type { KeyValueReader } from './key-value.ts';
import { metaKey } from './keys.ts';

export interface Run {
  readonly id: number;
  readonly level: number;
  /** The run that this one is being merged into; 0 for none. */
  readonly into: number;
  /** Numbers of its chunks: from `first` to, not including, `end`. */
  readonly first: number;
  readonly end: number;
}

export interface Manifest {
  /** From 1 on. */
  readonly nextId: number;
  /** Oldest first. */
  readonly runs: readonly Run[];
}

/** A level keeps fewer than a dozen runs, and 2^32 runs make 16 levels. */
const maxRuns = 12 * 16;
const maxBytes = 4 + 17 * maxRuns;

export function readManifest(reader: KeyValueReader, index: number): Manifest {
  const bytes = reader.get('meta', manifestKey(index));
  if (bytes === undefined) return { nextId: 1, runs: [] };
  return readStored(`Runs of index ${index}`, () => {
    const fields = new ByteReader(bytes);
    const nextId = fields.u32();
    const runs: Run[] = [];
    while (fields.remaining > 0) {
      runs.push({ id: fields.u32(), level: fields.u8(), into: fields.u32(), first: fields.u32(), end: fields.u32() });
    }
    return { nextId, runs };
  });
}

export function writeManifest(batch: Batch, index: number, { nextId, runs }: Manifest): void {
  const writer = new ByteWriter(maxBytes);
  writer.u32(nextId);
  for (const { id, level, into, first, end } of runs) {
    writer.u32(id);
    writer.u8(level);
    writer.u32(into);
    writer.u32(first);
    writer.u32(end);
  }
  batch.put('meta', manifestKey(index), writer.finish());
}

function manifestKey(index: number): Uint8Array {
  return metaKey(`runs/${index}`);
}
