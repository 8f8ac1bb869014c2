import type { Entry } from '@grapevine/shared/log/entry.ts';
import type { HeadVerifier } from '@grapevine/shared/log/head.ts';
import type { TreeHash } from '@grapevine/shared/merkle/tree-hash.ts';
import { damaged } from '../store/damage.ts';
import { decodeStoredSegment } from '../store/stored-log.ts';
import { checkSegmentContent, type Segment } from '../wire/segment.ts';

/** How logs are checked: with the node's own hash and signature check, or slower ones. */
export interface LogChecks {
  readonly hash: TreeHash;
  readonly verifier: HeadVerifier;
}

/** A segment that is where it belongs and whose bytes could be read. */
export interface FoundSegment {
  readonly segment: Segment;
  /** Undefined where a record has been erased. */
  readonly entries: readonly (Entry | undefined)[];
  /** Of its records, 32 bytes each, one after the other. */
  readonly leafHashes: Uint8Array;
}

/**
 * Reads the segment of `origin` that starts with entry `firstSeq` and hashes its records. Throws `DataDamage` when it does
 * not decode or its entries are not what belongs there. Its root and signature are not looked at.
 */
export function readSegment(origin: string, firstSeq: number, bytes: Uint8Array, hash: TreeHash): FoundSegment {
  const segment = decodeStoredSegment(origin, firstSeq, bytes);
  const entries = checkSegmentContent(segment);
  if (entries === undefined) {
    throw damaged(`Segment ${origin}/${firstSeq}: its entries are not what belongs there.`, { origin, seq: firstSeq });
  }
  const leaves = segment.records.map((record) => (record.kind === 'entry' ? hash.leaf(record.bytes) : record.leafHash));
  return { segment, entries, leafHashes: new Uint8Array(Buffer.concat(leaves)) };
}
