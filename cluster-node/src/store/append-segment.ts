import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { TileWriter } from '@grapevine/shared/merkle/tiles.ts';
import type { Indexes } from '../views/indexes.ts';
import { projectSegment } from '../views/projection.ts';
import type { Batch } from './batch.ts';
import { countOrigins, encodeHeadRecord, maxOrigins, ordinalOf, readHead } from './head-record.ts';
import { ordinalKey, originKey, seqKey, tileKey } from './keys.ts';
import type { CheckedSegment } from './log-store.ts';

/** Adds a segment that continues its log to log, tree and views. Throws `UNAVAILABLE` when there is no room for its origin. */
export function appendSegment(batch: Batch, indexes: Indexes, checked: CheckedSegment): void {
  const { segment, nodes } = checked;
  const { origin, firstSeq, head } = segment;
  indexes.reserve(batch, segment.records.length);
  const ordinal = readHead(batch, origin)?.ordinal ?? numberOrigin(batch, origin);
  batch.put('segments', seqKey(origin, firstSeq), segment.bytes);
  const tiles = new TileWriter((group, tile) => batch.get('tiles', tileKey(origin, group, tile)));
  for (const { level, first, hashes } of nodes) tiles.add(level, first, hashes);
  for (const { group, tile, bytes } of tiles.take()) batch.put('tiles', tileKey(origin, group, tile), bytes);
  batch.put('heads', originKey(origin), encodeHeadRecord({ ordinal, head }));
  projectSegment(batch, indexes, checked, ordinal);
}

function numberOrigin(batch: Batch, origin: string): number {
  // It has one already when its log was given up from the first entry on.
  const known = ordinalOf(batch, origin);
  if (known !== undefined) return known;
  const ordinal = countOrigins(batch);
  if (ordinal === maxOrigins) {
    throw new GrapevineError('UNAVAILABLE', `The store holds ${maxOrigins} origins, its most, and was given another.`);
  }
  batch.put('origins', ordinalKey(ordinal), originKey(origin));
  return ordinal;
}
