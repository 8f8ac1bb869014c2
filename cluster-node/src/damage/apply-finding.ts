import { equalBytes } from '@grapevine/shared/log/bytes.ts';
import { leavesOfTile, locate, withHash } from '@grapevine/shared/merkle/tiles.ts';
import { hashLength } from '@grapevine/shared/merkle/tree-hash.ts';
import type { Batch } from '../store/batch.ts';
import { sizeOf } from '../store/head-record.ts';
import { seqKey, tileKey } from '../store/keys.ts';
import type { NodeRun } from '../store/log-store.ts';
import { putQuarantined } from '../store/quarantine.ts';
import type { Finding } from './origin-scrub.ts';

/** Does what a finding asks for: takes a bad segment out of service, puts a tree right. Answers false when the place has changed since. */
export function applyFinding(batch: Batch, finding: Finding, nowMs: number): boolean {
  if (finding.kind === 'tree') {
    writeNodes(batch, finding.origin, finding.nodes);
    return true;
  }
  const { origin, firstSeq, endSeq, reason, bytes = new Uint8Array(0) } = finding;
  const key = seqKey(origin, firstSeq);
  const present = batch.get('segments', key) ?? new Uint8Array(0);
  if (!equalBytes(present, bytes)) return false;
  batch.delete('segments', key);
  // What was beside the logs is not missed.
  const mendedMs = endSeq === firstSeq ? nowMs : undefined;
  putQuarantined(batch, { origin, firstSeq, endSeq, foundMs: nowMs, mendedMs, reason, bytes });
  return true;
}

/** Puts these nodes into the tree of `origin`, over what is there. */
export function writeNodes(batch: Batch, origin: string, runs: readonly NodeRun[]): void {
  const size = sizeOf(batch, origin);
  for (const { level, first, hashes } of runs) {
    for (let i = 0; i < hashes.length / hashLength; i++) {
      const place = locate(level, first + i);
      const key = tileKey(origin, place.group, place.tile);
      const hash = hashes.subarray(i * hashLength, (i + 1) * hashLength);
      batch.put('tiles', key, withHash(batch.get('tiles', key), leavesOfTile(place, size), place.offset, hash));
    }
  }
}
