import { equalBytes } from '@grapevine/shared/log/bytes.ts';
import { Frontier } from '@grapevine/shared/merkle/frontier.ts';
import { peaks } from '@grapevine/shared/merkle/geometry.ts';
import { rootAt } from '@grapevine/shared/merkle/tree-reader.ts';
import { lowerAgeCursors } from '../retention/progress.ts';
import type { Batch } from '../store/batch.ts';
import { damaged, unlessDamaged } from '../store/damage.ts';
import { readHead } from '../store/head-record.ts';
import type { KeyValueReader } from '../store/key-value.ts';
import { seqKey } from '../store/keys.ts';
import type { NodeRun } from '../store/log-store.ts';
import { putQuarantined, readQuarantined, type Stretch } from '../store/quarantine.ts';
import { treeOf } from '../store/stored-log.ts';
import { forgetErased } from '../views/erasure.ts';
import type { Indexes } from '../views/indexes.ts';
import { settleDuplicates, showReturned } from '../views/projection.ts';
import { writeNodes } from './apply-finding.ts';
import { type FoundSegment, type LogChecks, readSegment } from './read-segment.ts';

/**
 * Puts `bytes`, which somebody says are the segment at the beginning of a stretch in quarantine, back into the log. They have
 * to be what the origin signed, and what this node's own signed head covers: a peer can neither alter the log nor slip
 * another branch of it in. Throws `DataDamage` that says what is wrong with them; answers false when nothing is in
 * quarantine there any more. The views did not lose sight of the segment's entries; only its idempotency keys are looked at
 * anew, and what retention has erased of the copy is taken out. What it had erased here and not of the copy is back, until
 * retention comes by again.
 */
export function mend(
  batch: Batch,
  indexes: Indexes,
  checks: LogChecks,
  { origin, firstSeq }: Pick<Stretch, 'origin' | 'firstSeq'>,
  bytes: Uint8Array,
  nowMs: number,
): boolean {
  const record = readQuarantined(batch, origin, firstSeq);
  const own = readHead(batch, origin);
  if (record === undefined || record.mendedMs !== undefined || own === undefined) return false;
  const found = readSegment(origin, firstSeq, bytes, checks.hash);
  const { head } = found.segment;
  if (head.size > record.endSeq) throw refused(record, `it reaches to ${head.size}`);
  if (!checks.verifier.verify(head)) throw refused(record, 'the signature of its head is not valid');
  const nodes: NodeRun[] = [];
  const tree = treeBefore(batch, origin, firstSeq, checks);
  tree.append(found.leafHashes, (level, first, hashes) => nodes.push({ level, first, hashes }));
  if (!equalBytes(tree.root(), head.root)) throw refused(record, 'it does not continue the log');
  batch.put('segments', seqKey(origin, firstSeq), bytes);
  if (!isInOwnLog(batch, found, tree, checks)) throw refused(record, 'it is of another branch of the log');
  writeNodes(batch, origin, nodes);
  putQuarantined(batch, { ...record, endSeq: head.size, mendedMs: nowMs });
  if (head.size < record.endSeq) {
    putQuarantined(batch, { ...record, firstSeq: head.size, bytes: new Uint8Array(0) });
  }
  indexes.reserve(batch, found.entries.length);
  const entries = found.entries.filter((entry) => entry !== undefined);
  showReturned(batch, found);
  lowerAgeCursors(batch, origin, firstSeq);
  // A start reads only what came after the last flush, and these may have come before.
  if (settleDuplicates(batch, indexes, entries, own.ordinal) > 0) indexes.flush(batch);
  if (entries.length < found.entries.length) forgetErased(batch, indexes, found.segment);
  return true;
}

/** Whether this node's log goes on from `tree`, by its own head, its own tree, or the next segment. */
function isInOwnLog(data: KeyValueReader, { segment }: FoundSegment, tree: Frontier, checks: LogChecks): boolean {
  const { origin, head } = segment;
  const own = readHead(data, origin)?.head;
  if (own?.size === head.size) return equalBytes(own.root, head.root);
  const kept = unlessDamaged(() => rootAt(treeOf(data, origin), checks.hash, head.size));
  if (kept !== undefined && equalBytes(kept, head.root)) return true;
  const next = data.get('segments', seqKey(origin, head.size));
  const following =
    next === undefined ? undefined : unlessDamaged(() => readSegment(origin, head.size, next, checks.hash));
  if (following === undefined) return false;
  const longer = tree.clone();
  longer.append(following.leafHashes);
  return equalBytes(longer.root(), following.segment.head.root);
}

/** The tree over the first `size` entries of a log that holds as many; its nodes are taken on trust. */
export function treeBefore(data: KeyValueReader, origin: string, size: number, { hash }: LogChecks): Frontier {
  const tree = treeOf(data, origin);
  return Frontier.fromPeaks(
    hash,
    size,
    peaks(size).map(({ level, index }) => tree.node(level, index)),
  );
}

function refused({ origin, firstSeq }: Stretch, why: string) {
  return damaged(`Segment ${origin}/${firstSeq}: ${why}.`, { origin, seq: firstSeq });
}
