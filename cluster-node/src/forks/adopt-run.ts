import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '@grapevine/shared/clock.ts';
import {
  maxMessagesNamed,
  type OriginRepair,
  type RepairRequest,
  type SetAsideReport,
} from '@grapevine/shared/contracts/repair.ts';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { toHex } from '@grapevine/shared/log/bytes.ts';
import { hashLength } from '@grapevine/shared/merkle/tree-hash.ts';
import type { Logger } from 'pino';
import type { CopySource } from '../damage/mender.ts';
import { type FoundSegment, type LogChecks, readSegment } from '../damage/read-segment.ts';
import type { Run } from '../damage/repairs.ts';
import { appendSegment } from '../store/append-segment.ts';
import { damaged } from '../store/damage.ts';
import { sizeOf } from '../store/head-record.ts';
import { seqKey } from '../store/keys.ts';
import type { LogStore } from '../store/log-store.ts';
import { cutLog } from './cut-log.ts';
import type { FoundFork } from './find-fork.ts';
import { type Branch, fetchBranch } from './other-branch.ts';
import { SetAside } from './set-aside.ts';
import { forkToJson } from './signed-head.ts';

/** Whoever takes segments of logs in, and remembers where each log ends. */
export interface LogHolder {
  /** From now on nothing of this log is taken; what has been taken is on its way to the store. */
  hold(origin: string): void;
  /** Goes on with the log as the store has it now. */
  release(origin: string): void;
}

export interface AdoptParts {
  readonly store: Pick<LogStore, 'flushed' | 'maintain'>;
  readonly checks: LogChecks;
  readonly source: CopySource;
  /** Compares all logs with those of the member of this name, now. */
  readonly compareWith: (peer: string) => Promise<readonly FoundFork[]>;
  /** Forks of this log from entry `seq` on are over. */
  readonly overcome: (origin: string, seq: number) => Promise<void>;
  readonly holder: LogHolder;
  /** Where what is set aside is kept. */
  readonly folder: string;
  /** That of this node's own log. */
  readonly ownOrigin: string;
  readonly clock: Clock;
  readonly log: Logger;
}

export type AdoptRequest = RepairRequest & { readonly adopt: string };

/** One forked log. */
interface Progress {
  readonly fork: FoundFork;
  /** Why this node's history is still there. */
  why: string | undefined;
  setAside: SetAsideReport | undefined;
}

/**
 * Gives up this node's history of forked logs for that of one peer, because people said so. Nothing is destroyed: what the
 * peer does not have is written to a folder first, with the evidence. Only then is it taken out of the log, newest entries
 * first; and what is left gets the other history's first segments in the same change that takes out the last of this one's.
 * So after a crash the log is one history or the other, whole, and the same request goes on. What else the other history has
 * comes by gossip, as anything that a node lacks.
 */
export class AdoptRun implements Run {
  complete = false;
  readonly #parts: AdoptParts;
  readonly #request: AdoptRequest;
  readonly #stop: AbortSignal;
  #logs: readonly Progress[] = [];

  constructor(parts: AdoptParts, request: AdoptRequest, stop: AbortSignal) {
    this.#parts = parts;
    this.#request = request;
    this.#stop = stop;
  }

  async run(): Promise<void> {
    const { origin, adopt, dryRun } = this.#request;
    const forks = await this.#parts.compareWith(adopt);
    const chosen = forks.filter((fork) => origin === undefined || fork.origin === origin);
    const why = dryRun ? `It would be set aside, and that of ${adopt} taken.` : 'Nothing was done yet.';
    this.#logs = chosen.map((fork) => ({ fork, why, setAside: undefined }));
    for (const log of this.#logs) {
      if (!dryRun && !this.#stop.aborted) await this.#tryAdopt(log);
    }
    this.complete = !this.#stop.aborted;
  }

  report(): OriginRepair[] {
    return this.#logs.map(({ fork: { origin, seq, own, other }, why, setAside = null }) => {
      const { adopt: peer } = this.#request;
      const stretch = {
        firstSeq: seq,
        endSeq: own.head.size,
        damage: `Node ${peer} has another history, signed as well.`,
      };
      return {
        origin,
        state: setAside === null ? 'forked' : 'adopted',
        size: sizeOf(this.#parts.store.flushed, origin),
        checked: 0,
        damaged: 0,
        mended: 0,
        treeNodes: 0,
        left: why === undefined ? [] : [{ ...stretch, why }],
        fork: { seq, own: toHex(own.id), other: toHex(other.id), peer },
        setAside,
      };
    });
  }

  async #tryAdopt(progress: Progress): Promise<void> {
    try {
      progress.setAside = await this.#adopt(progress.fork);
      progress.why = undefined;
    } catch (error) {
      if (!(error instanceof GrapevineError)) throw error;
      progress.why = error.message;
    }
  }

  async #adopt(fork: FoundFork): Promise<SetAsideReport> {
    const { store, checks, source, holder, ownOrigin } = this.#parts;
    const { origin, seq } = fork;
    if (origin === ownOrigin) throw new GrapevineError('UNAVAILABLE', itsOwn);
    const branch = await fetchBranch(store.flushed, { origin, seq, peer: this.#request.adopt }, source, checks);
    holder.hold(origin);
    try {
      // What was on its way to the store when the log was held is there after this.
      await store.maintain(() => undefined);
      const report = await this.#setAside(fork, branch);
      await this.#replace(origin, branch);
      await this.#parts.overcome(origin, branch.size);
      return report;
    } finally {
      holder.release(origin);
    }
  }

  /** Writes this node's history from the branch on to a folder. */
  async #setAside(fork: FoundFork, { size: from }: Branch): Promise<SetAsideReport> {
    const { store, folder, clock, log } = this.#parts;
    const { origin, seq: firstSeq } = fork;
    const { adopt: peer } = this.#request;
    const endSeq = sizeOf(store.flushed, origin);
    const messages: SetAsideReport['messages'] = [];
    await using kept = await SetAside.create(folder, forkToJson(fork, peer, clock.wallMs()), clock.wallMs());
    for (let next = from; next < endSeq; ) {
      this.#stop.throwIfAborted();
      const found = this.#read(origin, next);
      await kept.add(found);
      messages.push(...messagesIn(found, firstSeq, maxMessagesNamed - messages.length));
      next = found.segment.head.size;
      await nextTurn();
    }
    await kept.finish();
    log.warn({ origin, firstSeq, endSeq, folder: kept.name }, 'set a history of a forked log aside');
    return { peer, folder: kept.name, firstSeq, endSeq, messages };
  }

  #read(origin: string, firstSeq: number): FoundSegment {
    const { store, checks } = this.#parts;
    const bytes = store.flushed.get('segments', seqKey(origin, firstSeq));
    if (bytes !== undefined) return readSegment(origin, firstSeq, bytes, checks.hash);
    throw damaged(`Segment ${origin}/${firstSeq} is missing or in quarantine: repair this log first.`, { origin });
  }

  async #replace(origin: string, { size, segments }: Branch): Promise<void> {
    const { store, checks, log } = this.#parts;
    for (let more = true; more; ) {
      this.#stop.throwIfAborted();
      more = await store.maintain((batch, indexes) => {
        if (cutLog(batch, indexes, checks.hash, origin, size)) return true;
        for (const segment of segments) appendSegment(batch, indexes, segment);
        return false;
      });
    }
    log.warn({ origin, seq: size, peer: this.#request.adopt }, 'adopted the other history of a forked log');
  }
}

const itsOwn =
  'This node writes this log itself. It is moving to a new origin and starts again by itself; ask again then.';

function messagesIn({ entries, leafHashes }: FoundSegment, from: number, count: number): SetAsideReport['messages'] {
  const all = entries.flatMap((entry, i) => {
    if (entry === undefined || entry.seq < from) return [];
    const { seq, topic, author } = entry;
    return [{ seq, id: toHex(leafHashes.subarray(i * hashLength, (i + 1) * hashLength)), topic, author }];
  });
  return all.slice(0, count);
}
