import { isDeepStrictEqual } from 'node:util';
import { equalBytes, toHex } from '@grapevine/shared/log/bytes.ts';
import type { SignedHead } from '@grapevine/shared/log/head.ts';
import { Frontier } from '@grapevine/shared/merkle/frontier.ts';
import { hashesInTile, leavesOfTile } from '@grapevine/shared/merkle/tiles.ts';
import { hashLength } from '@grapevine/shared/merkle/tree-hash.ts';
import type { NodeReader } from '@grapevine/shared/merkle/tree-reader.ts';
import { type FoundSegment, type LogChecks, readSegment } from '../damage/read-segment.ts';
import { readHead } from '../store/head-record.ts';
import type { KeyValueReader } from '../store/key-value.ts';
import { ordinalKey, originKey, seqOfKey, seqsFrom, tileOfKey, tilesOf } from '../store/keys.ts';
import type { NodeRun } from '../store/log-store.ts';
import { treeOf } from '../store/stored-log.ts';
import { segmentFirstHlc } from '../wire/segment.ts';
import type { Problems } from './problems.ts';

export interface OriginReport {
  readonly origin: string;
  /** Entries whose segments are in order. */
  readonly size: number;
  /** Root over their leaf hashes, computed from the raw entries, in hex. */
  readonly root: string;
  readonly segments: number;
}

/**
 * Recomputes one origin's tree from its raw entries and compares heads, signatures, tiles and the head record with it. Each
 * segment goes to `onSegment` as well. Stops at the first segment that does not follow the one before: beyond it nothing
 * can be told.
 */
export function checkLog(
  data: KeyValueReader,
  origin: string,
  { hash, verifier }: LogChecks,
  problems: Problems,
  onSegment: (found: FoundSegment) => void,
): OriginReport {
  const frontier = new Frontier(hash);
  const tree = treeOf(data, origin);
  let segments = 0;
  let newest: SignedHead | undefined;
  for (const [key, bytes] of data.range('segments', seqsFrom(origin, 0))) {
    const where = `Segment ${origin}/${seqOfKey(key)}`;
    if (seqOfKey(key) !== frontier.size) {
      problems.add(`${where}: expected the next segment at ${frontier.size}.`);
      break;
    }
    let found: FoundSegment | undefined;
    problems.attempt(where, () => {
      found = readSegment(origin, frontier.size, bytes, hash);
    });
    if (found === undefined) break;
    const { segment, leafHashes } = found;
    frontier.append(leafHashes, (level, first, hashes) => {
      problems.attempt(where, () => compareNodes(tree, { level, first, hashes }, where, problems));
    });
    if (!equalBytes(frontier.root(), segment.head.root)) {
      problems.add(
        `${where}: its head names the root ${toHex(segment.head.root)}, its entries give ${toHex(frontier.root())}.`,
      );
    }
    if (!verifier.verify(segment.head)) problems.add(`${where}: the signature of its head is not valid.`);
    if (newest !== undefined && segmentFirstHlc(segment) <= newest.hlc)
      problems.add(`${where}: its clock is not after the segment before.`);
    newest = segment.head;
    segments += 1;
    onSegment(found);
  }
  const report = { origin, size: frontier.size, root: toHex(frontier.root()), segments };
  problems.attempt(`Head of ${origin}`, () => checkHeadRecord(data, origin, newest, problems));
  problems.attempt(`Tiles of ${origin}`, () => checkTileLengths(data, report, problems));
  return report;
}

function compareNodes(tree: NodeReader, { level, first, hashes }: NodeRun, where: string, problems: Problems): void {
  for (let i = 0; i < hashes.length / hashLength; i++) {
    const expected = hashes.subarray(i * hashLength, (i + 1) * hashLength);
    const found = tree.node(level, first + i);
    if (!equalBytes(expected, found)) {
      problems.add(
        `${where}: tree node ${level}/${first + i} is ${toHex(found)}, its entries give ${toHex(expected)}.`,
      );
    }
  }
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
function checkTileLengths(data: KeyValueReader, { origin, size }: OriginReport, problems: Problems): void {
  for (const [key, bytes] of data.range('tiles', tilesOf(origin))) {
    const id = tileOfKey(key);
    const expected = hashesInTile(leavesOfTile(id, size)) * hashLength;
    if (bytes.length !== expected) {
      problems.add(`Tile ${id.group}/${id.tile} of ${origin}: expected ${expected} bytes, found ${bytes.length}.`);
    }
  }
}
