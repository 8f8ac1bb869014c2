import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { equalBytes } from '@grapevine/shared/log/bytes.ts';
import { DecodeError } from '@grapevine/shared/log/decode-error.ts';
import { treeBefore } from '../damage/mend.ts';
import type { CopySource } from '../damage/mender.ts';
import { type FoundSegment, type LogChecks, readSegment } from '../damage/read-segment.ts';
import { DataDamage } from '../store/damage.ts';
import type { KeyValueReader } from '../store/key-value.ts';
import type { CheckedSegment, NodeRun } from '../store/log-store.ts';
import { decodeSegment, type Segment } from '../wire/segment.ts';
import { requireSegment } from './cut-log.ts';

/** How another history of a log goes on from this node's own. */
export interface Branch {
  /** So many entries are common to both, and a segment ends there in both. */
  readonly size: number;
  /** What follows in the other one, up to the first entry that differs. */
  readonly segments: readonly CheckedSegment[];
}

export interface BranchPoint {
  readonly origin: string;
  /** The first entry that differs. */
  readonly seq: number;
  /** Name of the member that has the other history. */
  readonly peer: string;
}

/**
 * Gets the beginning of the other history. Every segment continues this node's own entries and leads to a head that the
 * origin signed. Throws `UPSTREAM_FAILED` when the peer does not give such segments, `DataDamage` when this node's own log
 * cannot be read.
 */
export async function fetchBranch(
  data: KeyValueReader,
  point: BranchPoint,
  source: CopySource,
  checks: LogChecks,
): Promise<Branch> {
  const { origin, seq } = point;
  let { firstSeq: size } = requireSegment(data, origin, seq);
  let first = await fetchSegment(point, size, source);
  // Histories may be cut into segments in different places, also where their entries are the same.
  while (first.firstSeq < size) {
    size = requireSegment(data, origin, first.firstSeq).firstSeq;
    first = await fetchSegment(point, size, source);
  }
  const tree = treeBefore(data, origin, size, checks);
  const segments: CheckedSegment[] = [];
  for (let next = first; ; next = await fetchSegment(point, next.head.size, source)) {
    const found = readAs(point, tree.size, next, checks);
    const nodes: NodeRun[] = [];
    tree.append(found.leafHashes, (level, at, hashes) => nodes.push({ level, first: at, hashes: hashes.slice() }));
    if (!equalBytes(tree.root(), next.head.root))
      throw wrong(point, `entry ${next.firstSeq} does not continue the log`);
    if (!checks.verifier.verify(next.head))
      throw wrong(point, `the head at ${next.head.size} is not signed by its origin`);
    segments.push({ ...found, nodes });
    if (next.head.size > seq) return { size, segments };
  }
}

async function fetchSegment({ origin, peer }: BranchPoint, seq: number, source: CopySource): Promise<Segment> {
  for await (const copy of source(origin, seq, peer)) {
    if ('refusal' in copy) throw new GrapevineError('UPSTREAM_FAILED', copy.refusal);
    try {
      return decodeSegment(copy.bytes);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      throw wrong({ origin, peer }, error.message);
    }
  }
  throw new GrapevineError('UPSTREAM_FAILED', `Node ${peer} cannot be asked.`);
}

function readAs(point: BranchPoint, firstSeq: number, segment: Segment, { hash }: LogChecks): FoundSegment {
  try {
    return readSegment(point.origin, firstSeq, segment.bytes, hash);
  } catch (error) {
    if (!(error instanceof DataDamage)) throw error;
    throw wrong(point, error.message);
  }
}

function wrong({ origin, peer }: Pick<BranchPoint, 'origin' | 'peer'>, what: string): GrapevineError {
  return new GrapevineError('UPSTREAM_FAILED', `Node ${peer} sent something else for origin ${origin}: ${what}.`);
}
