import { equalBytes } from '@grapevine/shared/log/bytes.ts';
import type { SignedHead } from '@grapevine/shared/log/head.ts';
import { rootAt } from '@grapevine/shared/merkle/tree-reader.ts';
import { Batch } from '../store/batch.ts';
import { DataDamage, unlessDamaged } from '../store/damage.ts';
import { encodeHeadRecord, ordinalOf, readHead } from '../store/head-record.ts';
import type { KeyValueReader, KeyValueStore } from '../store/key-value.ts';
import { ordinalKey, originKey, seqOfKey, seqsDownFrom } from '../store/keys.ts';
import { originsIn, treeOf } from '../store/stored-log.ts';
import { applyFinding } from './apply-finding.ts';
import { OriginScrub } from './origin-scrub.ts';
import { type LogChecks, readSegment } from './read-segment.ts';

/** Above every sequence number. */
const endOfLog = 2 ** 48 - 1;

/**
 * Makes every log fit to be continued, before anybody does: its head must be what the origin signed, and its tree must lead
 * to it, since the next root is computed from the tree. What is wrong is computed anew from the segments, which is slow
 * but rare. Answers the origins for which that was necessary. Throws `DataDamage` when the segments do not allow it.
 */
export async function recoverLogs(data: KeyValueStore, checks: LogChecks, nowMs: number): Promise<string[]> {
  const recovered: string[] = [];
  for (const origin of new Set([...originsIn(data, 'heads'), ...originsIn(data, 'segments')])) {
    const head = soundHead(data, origin, checks);
    if (head !== undefined && leadsTo(data, head, checks)) continue;
    if (head === undefined) await restoreHead(data, origin, checks);
    await scrubLog(data, origin, checks, nowMs);
    const restored = soundHead(data, origin, checks);
    if (restored === undefined || !leadsTo(data, restored, checks)) throw beyondRecovery(origin);
    recovered.push(origin);
  }
  return recovered;
}

/** The head on record, if its origin signed it and its ordinal leads back to the origin. */
function soundHead(data: KeyValueReader, origin: string, { verifier }: LogChecks): SignedHead | undefined {
  const record = unlessDamaged(() => readHead(data, origin));
  if (record === undefined || !verifier.verify(record.head)) return undefined;
  const named = data.get('origins', ordinalKey(record.ordinal));
  return named !== undefined && equalBytes(named, originKey(origin)) ? record.head : undefined;
}

function leadsTo(data: KeyValueReader, { origin, size, root }: SignedHead, { hash }: LogChecks): boolean {
  const found = unlessDamaged(() => rootAt(treeOf(data, origin), hash, size));
  return found !== undefined && equalBytes(found, root);
}

/** Takes the head of the last segment. */
async function restoreHead(data: KeyValueStore, origin: string, { hash, verifier }: LogChecks): Promise<void> {
  const [last] = data.range('segments', seqsDownFrom(origin, endOfLog));
  const found = last && unlessDamaged(() => readSegment(origin, seqOfKey(last[0]), last[1], hash));
  const ordinal = ordinalOf(data, origin);
  if (found === undefined || ordinal === undefined || !verifier.verify(found.segment.head))
    throw beyondRecovery(origin);
  const value = encodeHeadRecord({ ordinal, head: found.segment.head });
  await data.write([{ table: 'heads', key: originKey(origin), value }]);
}

async function scrubLog(data: KeyValueStore, origin: string, checks: LogChecks, nowMs: number): Promise<void> {
  const scrub = new OriginScrub(data, origin, checks);
  for (let look = scrub.look(); look !== undefined; look = scrub.look()) {
    if (look.findings.length === 0) continue;
    const batch = new Batch(data);
    for (const finding of look.findings) applyFinding(batch, finding, nowMs);
    await data.write(batch.changes());
  }
}

function beyondRecovery(origin: string): DataDamage {
  return new DataDamage(
    `The log of origin ${origin} does not lead to a signed head. \`grapevine fsck\` tells what is wrong with it; a node that starts with an empty folder gets everything from its peers.`,
    { origin },
  );
}
