/** Taking the newest entries out of a log again: what a node does only when it gives up its history for another one. */
import { hashesInTile, leavesOfTile, tileLevels, tileWidth } from '@grapevine/shared/merkle/tiles.ts';
import { hashLength, type TreeHash } from '@grapevine/shared/merkle/tree-hash.ts';
import { lowerAgeCursors } from '../retention/progress.ts';
import type { Batch } from '../store/batch.ts';
import { damaged } from '../store/damage.ts';
import { encodeHeadRecord, readHead } from '../store/head-record.ts';
import type { KeyValueReader } from '../store/key-value.ts';
import { originKey, seqKey, tileKey, tileOfKey } from '../store/keys.ts';
import { segmentAt } from '../store/stored-log.ts';
import { eraseEntries } from '../views/erasure.ts';
import type { Indexes } from '../views/indexes.ts';
import type { Segment } from '../wire/segment.ts';

/** Bytes of segments that one step takes out: commits wait for it, some milliseconds for these. */
const stepBytes = 128 * 1024;
/** No tile has a higher number. */
const lastTile = 2 ** 48 - 1;

/** The segment that holds entry `seq` of a log that reaches beyond it; throws `DataDamage` when it cannot be read. */
export function requireSegment(reader: KeyValueReader, origin: string, seq: number): Segment {
  const segment = segmentAt(reader, origin, seq);
  if (segment === undefined) throw damaged(`Expected a segment with entry ${origin}/${seq}, found none.`, { origin });
  return segment;
}

/**
 * Takes segments out of the end of a log, its tree and the views, until it has `size` entries, where a segment must end, or
 * a step is done. What is left is a whole log, and views are what it makes them. Answers whether there is more to do.
 * Throws `DataDamage` when something cannot be read, after which `batch` is of no use.
 */
export function cutLog(batch: Batch, indexes: Indexes, hash: TreeHash, origin: string, size: number): boolean {
  let bytes = 0;
  let end = readHead(batch, origin)?.head.size ?? 0;
  while (end > size && bytes < stepBytes) {
    const segment = requireSegment(batch, origin, end - 1);
    const seqs = segment.records.map((_, i) => segment.firstSeq + i);
    eraseEntries(batch, indexes, hash, segment, seqs);
    batch.delete('segments', seqKey(origin, segment.firstSeq));
    cutHead(batch, origin, segment.firstSeq);
    end = segment.firstSeq;
    bytes += segment.bytes.length;
  }
  cutTiles(batch, origin, end);
  lowerAgeCursors(batch, origin, end);
  // What the indexes know of these places is passed over when it is looked up; but a start must read again from here on.
  indexes.flush(batch);
  return end > size;
}

/** Each segment has the head that its origin signed with it. */
function cutHead(batch: Batch, origin: string, size: number): void {
  const ordinal = readHead(batch, origin)?.ordinal ?? 0;
  if (size === 0) batch.delete('heads', originKey(origin));
  else {
    const { head } = requireSegment(batch, origin, size - 1);
    batch.put('heads', originKey(origin), encodeHeadRecord({ ordinal, head }));
  }
}

/** Takes off what tiles have beyond `size` leaves. A tile grows at its end only, so that the rest of it stays as it is. */
function cutTiles(batch: Batch, origin: string, size: number): void {
  for (let group = 0, nodes = size; ; group++, nodes = Math.floor(nodes / 2 ** tileLevels)) {
    const first = Math.floor(nodes / tileWidth);
    const range = { from: tileKey(origin, group, first), to: tileKey(origin, group, lastTile) };
    const tiles = [...batch.range('tiles', range)];
    for (const [key, bytes] of tiles) {
      const length = hashesInTile(leavesOfTile(tileOfKey(key), size)) * hashLength;
      if (length === 0) batch.delete('tiles', key.slice());
      else if (bytes.length > length) batch.put('tiles', key.slice(), bytes.slice(0, length));
    }
    // Every group has fewer nodes than the one below it: above an empty one there is nothing.
    if (tiles.length === 0 && nodes === 0) return;
  }
}
