import { isDeepStrictEqual } from 'node:util';
import { equalBytes, toHex } from '@grapevine/shared/log/bytes.ts';
import type { SignedHead } from '@grapevine/shared/log/head.ts';
import { hashesInTile, leavesOfTile } from '@grapevine/shared/merkle/tiles.ts';
import { emptyRoot, hashLength } from '@grapevine/shared/merkle/tree-hash.ts';
import { type Finding, OriginScrub } from '../damage/origin-scrub.ts';
import type { FoundSegment, LogChecks } from '../damage/read-segment.ts';
import { unlessDamaged } from '../store/damage.ts';
import { readHead, sizeOf } from '../store/head-record.ts';
import type { KeyValueReader } from '../store/key-value.ts';
import { ordinalKey, originKey, seqOfKey, seqsDownFrom, tileOfKey, tilesOf } from '../store/keys.ts';
import { listQuarantined, type Quarantined } from '../store/quarantine.ts';
import { decodeStoredSegment, treeOf } from '../store/stored-log.ts';
import { segmentFirstHlc } from '../wire/segment.ts';
import type { Problems } from './problems.ts';

export interface OriginReport {
  readonly origin: string;
  /** Entries up to the end of the last sound segment. */
  readonly size: number;
  /** Root over their leaf hashes, in hex: what the raw entries give and the origin has signed. */
  readonly root: string;
  /** Sound ones. */
  readonly segments: number;
  /** Entries whose segments are missing, damaged or in quarantine. */
  readonly unread: number;
}

/**
 * Checks one origin's log: every segment against the tree over the raw entries and its signed head, then tree, tiles and
 * the head on record against those. Each sound segment goes to `onSegment` as well.
 */
export function checkLog(
  data: KeyValueReader,
  origin: string,
  checks: LogChecks,
  problems: Problems,
  onSegment: (found: FoundSegment) => void,
): OriginReport {
  const scrub = new OriginScrub(data, origin, checks, 0, endOf(data, origin));
  let [segments, unread] = [0, 0];
  let newest: SignedHead | undefined;
  for (let at = scrub.next, look = scrub.look(); look !== undefined; at = scrub.next, look = scrub.look()) {
    for (const finding of look.findings) describeFinding(data, finding, problems);
    if (look.isUnsure) {
      problems.add(
        `Segment ${origin}/${at}: cannot be checked, because both a segment and the tree before it are damaged.`,
      );
    }
    if (look.sound === undefined) {
      unread += scrub.next - at;
      continue;
    }
    const { segment } = look.sound;
    if (newest !== undefined && segmentFirstHlc(segment) <= newest.hlc) {
      problems.add(`Segment ${origin}/${at}: its clock is not after the segment before.`);
    }
    newest = segment.head;
    segments += 1;
    onSegment(look.sound);
  }
  for (const stretch of listQuarantined(data)) {
    if (stretch.origin === origin && stretch.mendedMs === undefined) problems.add(describeQuarantine(stretch));
  }
  problems.attempt(`Head of ${origin}`, () => checkHeadRecord(data, origin, newest, problems));
  const size = newest?.size ?? 0;
  problems.attempt(`Tiles of ${origin}`, () => checkTileLengths(data, origin, scrub.next, problems));
  return { origin, size, root: toHex(newest?.root ?? emptyRoot()), segments, unread };
}

/** Where the log ends, by its head on record and by its last segment, whichever is longer. */
function endOf(data: KeyValueReader, origin: string): number {
  const [last] = data.range('segments', seqsDownFrom(origin, 2 ** 48 - 1));
  const byHead = unlessDamaged(() => sizeOf(data, origin)) ?? 0;
  if (last === undefined) return byHead;
  const firstSeq = seqOfKey(last[0]);
  const bySegments = unlessDamaged(() => decodeStoredSegment(origin, firstSeq, last[1]).head.size) ?? firstSeq + 1;
  return Math.max(byHead, bySegments);
}

function describeFinding(data: KeyValueReader, finding: Finding, problems: Problems): void {
  if (finding.kind === 'segment') {
    const { origin, firstSeq, endSeq, reason } = finding;
    problems.add(`Segment ${origin}/${firstSeq} (${countOf(endSeq - firstSeq)}): ${reason}`);
    return;
  }
  const tree = treeOf(data, finding.origin);
  for (const { level, first, hashes } of finding.nodes) {
    const found = unlessDamaged(() => toHex(tree.node(level, first))) ?? 'nothing';
    problems.add(`Tree of ${finding.origin}: node ${level}/${first} is ${found}, the entries give ${toHex(hashes)}.`);
  }
}

function describeQuarantine({ origin, firstSeq, endSeq, foundMs, reason }: Quarantined): string {
  const since = new Date(foundMs).toISOString();
  return `Segment ${origin}/${firstSeq} (${countOf(endSeq - firstSeq)}): in quarantine since ${since}: ${reason}`;
}

function countOf(entries: number): string {
  return entries === 1 ? '1 entry' : `${entries} entries`;
}

function checkHeadRecord(
  data: KeyValueReader,
  origin: string,
  newest: SignedHead | undefined,
  problems: Problems,
): void {
  const record = readHead(data, origin);
  if (record === undefined || newest === undefined) {
    problems.add(
      `Head of ${origin}: there are ${record === undefined ? 'segments, but no head' : 'a head, but no segments'}.`,
    );
    return;
  }
  if (!isDeepStrictEqual(plain(record.head), plain(newest))) {
    problems.add(
      `Head of ${origin}: expected the last segment's, of size ${newest.size} and root ${toHex(newest.root)}, found another, of size ${record.head.size} and root ${toHex(record.head.root)}.`,
    );
  }
  const named = data.get('origins', ordinalKey(record.ordinal));
  if (named === undefined || !equalBytes(named, originKey(origin))) {
    problems.add(
      `Head of ${origin}: its ordinal ${record.ordinal} stands for ${named === undefined ? 'nothing' : toHex(named)}.`,
    );
  }
}

/** Views and Buffers of equal bytes are the same head. */
function plain({ size, root, hlc, publicKey, signature }: SignedHead): unknown {
  return [size, toHex(root), hlc, toHex(publicKey), toHex(signature)];
}

/** The nodes in the tiles have been compared; here, that there is nothing beside them, which would stop the next append. */
function checkTileLengths(data: KeyValueReader, origin: string, size: number, problems: Problems): void {
  for (const [key, bytes] of data.range('tiles', tilesOf(origin))) {
    const id = tileOfKey(key);
    const expected = hashesInTile(leavesOfTile(id, size)) * hashLength;
    if (bytes.length !== expected) {
      problems.add(`Tile ${id.group}/${id.tile} of ${origin}: expected ${expected} bytes, found ${bytes.length}.`);
    }
  }
}
