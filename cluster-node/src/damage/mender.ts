import type { Clock } from '@grapevine/shared/clock.ts';
import { equalBytes } from '@grapevine/shared/log/bytes.ts';
import { DecodeError } from '@grapevine/shared/log/decode-error.ts';
import { hashLength } from '@grapevine/shared/merkle/tree-hash.ts';
import type { Logger } from 'pino';
import { DataDamage } from '../store/damage.ts';
import { readHead } from '../store/head-record.ts';
import { seqKey } from '../store/keys.ts';
import type { LogStore, Maintenance } from '../store/log-store.ts';
import { listQuarantined, type Quarantined, type Stretch } from '../store/quarantine.ts';
import { checkSegmentViews, mendSegmentViews, type ViewFinding } from '../views/segment-views.ts';
import { decodeSegment } from '../wire/segment.ts';
import { applyFinding } from './apply-finding.ts';
import { mend } from './mend.ts';
import type { Finding } from './origin-scrub.ts';
import type { FoundSegment, LogChecks } from './read-segment.ts';

/**
 * Gets the segment of `origin` that holds entry `seq` from other nodes, one after the other, until the caller has had enough.
 * With `from`, only from the member of this name.
 */
export type CopySource = (origin: string, seq: number, from?: string) => AsyncIterable<Copy | NoCopy>;

/** What a peer says the segment is. */
export interface Copy {
  readonly peer: string;
  readonly bytes: Uint8Array;
}

/** Why a peer gave none: a sentence that names it. */
export interface NoCopy {
  readonly peer: string;
  readonly refusal: string;
}

export interface MenderParts {
  readonly store: LogStore;
  readonly checks: LogChecks;
  readonly source: CopySource;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What has been done about damage since the start, and found altogether. */
export interface DamageCounts {
  /** Segments that are in quarantine now. */
  quarantined: number;
  /** Segments put into quarantine since the start. */
  found: number;
  mended: number;
  /** Copies from peers that were not what the log has there. */
  refused: number;
  /** Nodes of trees that were put right. */
  treeNodes: number;
  /** Records of topics and indexes that were put right. */
  viewRecords: number;
  scrubbedBytes: number;
  passes: number;
}

/** Reasons that are kept of why one stretch is not mended: as many as peers are asked for it. */
const maxRefusals = 8;

/**
 * Takes damaged segments out of service, and puts back what peers have of them. Whoever finds damage uses the same one, also
 * at the same time: each step is one change of the store, which does nothing when the place has changed since.
 */
export class Mender {
  readonly counts: DamageCounts = {
    quarantined: 0,
    found: 0,
    mended: 0,
    refused: 0,
    treeNodes: 0,
    viewRecords: 0,
    scrubbedBytes: 0,
    passes: 0,
  };
  readonly #parts: MenderParts;

  constructor(parts: MenderParts) {
    this.#parts = parts;
  }

  /** Stretches that are in quarantine and not mended, by origin and place. */
  open(): Quarantined[] {
    return [...listQuarantined(this.#parts.store.flushed)].filter(({ mendedMs }) => mendedMs === undefined);
  }

  /** Sees to what a scrub found. Answers false when the place has changed since. */
  async apply(finding: Finding): Promise<boolean> {
    const { store, clock, log } = this.#parts;
    const applied = await store.maintain((batch) => applyFinding(batch, finding, clock.wallMs()));
    if (!applied) return false;
    if (finding.kind === 'tree') {
      const nodes = nodesIn(finding);
      this.counts.treeNodes += nodes;
      log.error({ origin: finding.origin, nodes }, 'put damaged nodes of a tree right');
      return true;
    }
    const { origin, firstSeq, endSeq, reason } = finding;
    this.counts.found += 1;
    this.count();
    log.error({ origin, firstSeq, endSeq, reason }, 'put a damaged segment into quarantine');
    return true;
  }

  /**
   * Puts the views of a segment right that was found sound, unless the segment is another one by now. Entries are only looked
   * up in the indexes if `looksUp`. Answers whether an index had lost any. One that cannot be read is left as it is.
   */
  async mendViews(found: FoundSegment, looksUp: boolean): Promise<boolean> {
    const { origin, firstSeq, bytes } = found.segment;
    const check: Maintenance<readonly ViewFinding[]> = (batch, indexes) => {
      const stored = batch.get('segments', seqKey(origin, firstSeq));
      const ordinal = readHead(batch, origin)?.ordinal;
      if (stored === undefined || ordinal === undefined || !equalBytes(stored, bytes)) return [];
      const { findings } = checkSegmentViews(batch, looksUp ? indexes : undefined, found, ordinal);
      if (findings.length > 0) mendSegmentViews(batch, indexes, origin, findings);
      return findings;
    };
    let mended: readonly ViewFinding[];
    try {
      mended = await this.#parts.store.maintain(check);
    } catch (error) {
      if (!(error instanceof DataDamage) || !looksUp) throw error;
      this.#parts.log.error({ origin, firstSeq, reason: error.message }, 'an index cannot be read');
      return this.mendViews(found, false);
    }
    if (mended.length > 0) this.viewsMended(mended.length, { origin, firstSeq });
    return mended.some(({ kind }) => kind === 'index');
  }

  /** Notes that records of views have been put right. */
  viewsMended(records: number, where: object): void {
    this.counts.viewRecords += records;
    this.#parts.log.error({ ...where, records }, 'put damaged records of views right');
  }

  /**
   * Tries one copy after the other, those from which retention has taken something last: another peer may have all of it.
   * Answers undefined when the stretch is no longer damaged, otherwise why nobody's copy would do.
   */
  async mend({ origin, firstSeq }: Stretch, from?: string): Promise<string | undefined> {
    const { source, log } = this.#parts;
    const refusals: string[] = [];
    const tryOut = async (copy: Copy): Promise<boolean> => {
      const refusal = await this.#putBack(origin, firstSeq, copy);
      if (refusal !== undefined) refusals.push(`Node ${copy.peer} sent something else: ${refusal}`);
      return refusal === undefined;
    };
    let partial: Copy | undefined;
    for await (const copy of source(origin, firstSeq, from)) {
      if ('refusal' in copy) {
        refusals.push(copy.refusal);
        log.warn({ peer: copy.peer, reason: copy.refusal }, 'a peer did not give a segment');
      } else if (!isWhole(copy.bytes)) partial ??= copy;
      else if (await tryOut(copy)) return undefined;
    }
    if (partial !== undefined && (await tryOut(partial))) return undefined;
    return refusals.length === 0 ? 'There is no peer to ask.' : refusals.slice(0, maxRefusals).join(' ');
  }

  /** Brings the count of what is in quarantine up to date. */
  count(): void {
    this.counts.quarantined = this.open().length;
  }

  /** Answers why the copy is not what belongs there; undefined when it is, or nothing is damaged any more. */
  async #putBack(origin: string, firstSeq: number, { peer, bytes }: Copy): Promise<string | undefined> {
    const { store, checks, clock, log } = this.#parts;
    try {
      const mended = await store.maintain((batch, indexes) =>
        mend(batch, indexes, checks, { origin, firstSeq }, bytes, clock.wallMs()),
      );
      if (!mended) return undefined;
      this.counts.mended += 1;
      log.warn({ origin, firstSeq, peer }, 'mended a damaged segment');
      return undefined;
    } catch (error) {
      if (!(error instanceof DataDamage)) throw error;
      this.counts.refused += 1;
      log.warn({ peer, reason: error.message }, 'refused what a peer sent for a damaged segment');
      return error.message;
    }
  }
}

/** How many nodes of a tree a finding is about. */
export function nodesIn({ nodes }: Extract<Finding, { kind: 'tree' }>): number {
  return nodes.reduce((sum, { hashes }) => sum + hashes.length / hashLength, 0);
}

function isWhole(bytes: Uint8Array): boolean {
  try {
    return decodeSegment(bytes).records.every(({ kind }) => kind === 'entry');
  } catch (error) {
    if (error instanceof DecodeError) return true;
    throw error;
  }
}
