import { hash } from 'node:crypto';
import type { Vector } from '@grapevine/shared/contracts/consistency-token.ts';
import { ByteReader, ByteWriter, toHex } from '@grapevine/shared/log/bytes.ts';
import type { Entry } from '@grapevine/shared/log/entry.ts';
import type { Batch } from '../store/batch.ts';
import { DataDamage, readStored } from '../store/damage.ts';
import { readHeads } from '../store/head-record.ts';
import type { KeyValueReader } from '../store/key-value.ts';
import { metaKey, seqOfKey, seqsFrom } from '../store/keys.ts';
import { PlaceIndex } from '../store/place-index.ts';
import { decodeStoredSegment, entryIn, treeOf } from '../store/stored-log.ts';

/**
 * Messages whose index records are in memory only. Larger makes fewer runs to look into but a longer flush, during which
 * everybody's commit waits (about 2 ms for these), and a longer start, which reads them again.
 */
const recentMessages = 4096;
const checkpointKey = metaKey('checkpoint');

/** The two indexes from hashes to places: by message id, and by author and idempotency key. */
export class Indexes {
  readonly ids = new PlaceIndex(0, recentMessages);
  readonly keys = new PlaceIndex(1, recentMessages);
  #recent = 0;
  #flushes = 0;

  /** How often the records in memory were moved to the disk. */
  get flushes(): number {
    return this.#flushes;
  }

  /** Makes room for the records of `messages` more messages, at most 256, by flushing when there is not enough. */
  reserve(batch: Batch, messages: number): void {
    if (this.#recent + messages > recentMessages) this.flush(batch);
    this.#recent += messages;
  }

  /** Moves what is in memory to the disk: a start no longer has to read it from the logs. */
  flush(batch: Batch): void {
    this.#flushes += 1;
    this.ids.flush(batch, this.#flushes);
    this.keys.flush(batch, this.#flushes);
    batch.put('meta', checkpointKey, encodeCheckpoint(batch));
    this.#recent = 0;
  }

  /** What was moved by the first so many flushes is visible now. */
  settle(flushes: number): void {
    this.ids.settle(flushes);
    this.keys.settle(flushes);
  }

  /** Brings what is in memory in line with what is flushed, by reading the logs from the last checkpoint on. */
  load(reader: KeyValueReader): void {
    this.ids.clear();
    this.keys.clear();
    this.#recent = 0;
    const checkpoint = readCheckpoint(reader);
    for (const { ordinal, head } of readHeads(reader)) {
      const indexed = checkpoint.get(head.origin) ?? 0;
      const tree = treeOf(reader, head.origin);
      for (let seq = indexed; seq < head.size; seq++) this.ids.add(tree.node(0, seq), { ordinal, seq });
      this.#recent += head.size - indexed;
      for (const [key, bytes] of reader.range('segments', seqsFrom(head.origin, indexed))) {
        for (const entry of readableEntries(head.origin, seqOfKey(key), bytes)) {
          if (entry.idempotencyKey === undefined) continue;
          this.keys.add(hashOfKey(entry.author, entry.idempotencyKey), { ordinal, seq: entry.seq });
        }
      }
    }
  }
}

/** The entries of a stored segment; none of one that is damaged, so that a node starts with it: they are indexed when it is mended. */
function readableEntries(origin: string, firstSeq: number, bytes: Uint8Array): Entry[] {
  try {
    const segment = decodeStoredSegment(origin, firstSeq, bytes);
    return segment.records.flatMap((_, i) => entryIn(segment, firstSeq + i) ?? []);
  } catch (error) {
    if (error instanceof DataDamage) return [];
    throw error;
  }
}

/** Under which hash an author's idempotency key is indexed. */
export function hashOfKey(author: string, idempotencyKey: NonNullable<Entry['idempotencyKey']>): Uint8Array {
  return hash('sha256', `${author}\0${idempotencyKey}`, 'buffer');
}

/** Sizes up to which the runs cover each origin: `(origin 16 · size u48) × origins`. */
function encodeCheckpoint(reader: KeyValueReader): Uint8Array {
  const heads = readHeads(reader);
  const writer = new ByteWriter(heads.length * 22, heads.length * 22);
  for (const { head } of heads) {
    writer.hex(head.origin);
    writer.u48(head.size);
  }
  return writer.finish();
}

function readCheckpoint(reader: KeyValueReader): Vector {
  const sizes = new Map<string, number>();
  const bytes = reader.get('meta', checkpointKey);
  if (bytes === undefined) return sizes;
  return readStored('Checkpoint of the indexes', () => {
    const fields = new ByteReader(bytes);
    while (fields.remaining > 0) sizes.set(toHex(fields.bytes(16)), fields.u48());
    return sizes;
  });
}
