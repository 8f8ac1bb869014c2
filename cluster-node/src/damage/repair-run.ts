import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Fork } from '@grapevine/shared/contracts/node-api.ts';
import { maxStretchesNamed, type OriginRepair, type RepairRequest } from '@grapevine/shared/contracts/repair.ts';
import { readHeads } from '../store/head-record.ts';
import type { LogStore } from '../store/log-store.ts';
import { type Mender, nodesIn } from './mender.ts';
import { type Finding, OriginScrub } from './origin-scrub.ts';
import type { LogChecks } from './read-segment.ts';
import type { Run } from './repairs.ts';

export interface RepairParts {
  readonly store: Pick<LogStore, 'flushed'>;
  readonly checks: LogChecks;
  readonly mender: Mender;
  /** Every fork that this node has seen. */
  readonly forks: () => readonly Fork[];
}

/** Over one log: what is damaged can keep the next from being told, until it is mended. Scrubs find the rest of the very unlucky. */
const maxPasses = 3;

/** One log on its way through a repair. */
interface Progress {
  readonly origin: string;
  readonly size: number;
  readonly fork: Fork | undefined;
  /** Entries from the first on that are known to be sound or damaged. */
  checked: number;
  treeNodes: number;
  /** First entries of the stretches that are or were damaged. */
  readonly damaged: Set<number>;
  /** By first entry, what is damaged still. */
  readonly left: Map<number, OriginRepair['left'][number]>;
}

/**
 * One repair: first tries to get what is in quarantine already, which is quick, then checks the logs as they are now, one
 * segment per turn of the event loop, and mends what that finds. Logs with two histories are left alone: what the other
 * side has is neither damage nor its cure.
 */
export class RepairRun implements Run {
  complete = false;
  readonly #parts: RepairParts;
  readonly #request: RepairRequest;
  readonly #stop: AbortSignal;
  readonly #logs: readonly Progress[];

  constructor(parts: RepairParts, request: RepairRequest, stop: AbortSignal) {
    this.#parts = parts;
    this.#request = request;
    this.#stop = stop;
    const forks = parts.forks().filter(({ endedMs }) => endedMs === null);
    const heads = [...readHeads(parts.store.flushed)].map(({ head }) => head);
    const chosen = heads.filter(({ origin }) => request.origin === undefined || request.origin === origin);
    this.#logs = chosen.map(({ origin, size }) => {
      const fork = forks.find((one) => one.origin === origin);
      return { origin, size, fork, checked: 0, treeNodes: 0, damaged: new Set(), left: new Map() };
    });
  }

  async run(): Promise<void> {
    const logs = this.#logs.filter(({ fork }) => fork === undefined);
    for (const log of logs) await this.#mendAll(log);
    for (const log of logs) await this.#repair(log);
    this.#parts.mender.count();
    this.complete = !this.#stop.aborted;
  }

  /** What has come of each log so far, forked ones first, then those with something left. */
  report(): OriginRepair[] {
    const order = ['forked', 'damaged', 'mended', 'unfinished', 'sound'];
    const origins = this.#logs.map((log) => this.#reportOf(log));
    return origins.sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state));
  }

  async #repair(log: Progress): Promise<void> {
    for (let pass = 1; pass <= maxPasses && !this.#stop.aborted; pass++) {
      const { found, isSure } = await this.#scrub(log);
      if (!found) return;
      await this.#mendAll(log);
      if (isSure) return;
    }
  }

  /** Answers whether anything new was found, and whether nothing else can be hidden by that. */
  async #scrub(log: Progress): Promise<{ readonly found: boolean; readonly isSure: boolean }> {
    const { store, checks } = this.#parts;
    let found = false;
    let isSure = true;
    const scrub = new OriginScrub(store.flushed, log.origin, checks, 0, log.size);
    for (let look = scrub.look(); look !== undefined && !this.#stop.aborted; look = scrub.look()) {
      for (const finding of look.findings) {
        await this.#note(log, finding);
        found = true;
      }
      if (look.isUnsure) isSure = false;
      if (isSure) log.checked = Math.max(log.checked, scrub.next);
      await nextTurn();
    }
    return { found, isSure };
  }

  async #note(log: Progress, finding: Finding): Promise<void> {
    const { dryRun } = this.#request;
    if (!dryRun && !(await this.#parts.mender.apply(finding))) return;
    if (finding.kind === 'tree') {
      log.treeNodes += nodesIn(finding);
      return;
    }
    const { firstSeq, endSeq, reason: damage } = finding;
    log.damaged.add(firstSeq);
    // What lies beside the log is only taken out.
    if (endSeq === firstSeq) return;
    log.left.set(firstSeq, { firstSeq, endSeq, damage, why: dryRun ? this.#plan() : 'No peer was asked yet.' });
  }

  /** Tries each stretch of the log once; what is left of one that was mended in part counts as another. */
  async #mendAll(log: Progress): Promise<void> {
    const tried = new Set<number>();
    const untried = () =>
      this.#parts.mender.open().filter(({ origin, firstSeq }) => origin === log.origin && !tried.has(firstSeq));
    for (let open = untried(); open.length > 0 && !this.#stop.aborted; open = untried()) {
      for (const stretch of open) {
        if (this.#stop.aborted) break;
        tried.add(stretch.firstSeq);
        log.damaged.add(stretch.firstSeq);
        const { firstSeq, endSeq, reason: damage } = stretch;
        const why = this.#request.dryRun ? this.#plan() : await this.#parts.mender.mend(stretch, this.#request.from);
        if (why === undefined) log.left.delete(firstSeq);
        else log.left.set(firstSeq, { firstSeq, endSeq, damage, why });
      }
    }
  }

  #plan(): string {
    return `It would be fetched from ${this.#request.from ?? 'a peer that has it'}.`;
  }

  #reportOf(log: Progress): OriginRepair {
    const { origin, size, checked, damaged, treeNodes, left, fork } = log;
    const named = [...left.values()].slice(0, maxStretchesNamed);
    return {
      origin,
      state: this.#stateOf(log),
      size,
      checked,
      damaged: damaged.size,
      mended: this.#request.dryRun ? 0 : damaged.size - left.size,
      treeNodes,
      left: named,
      fork: fork === undefined ? null : { seq: fork.seq, own: fork.own.id, other: fork.other.id, peer: fork.peer },
      setAside: null,
    };
  }

  #stateOf({ size, checked, damaged, treeNodes, left, fork }: Progress): OriginRepair['state'] {
    if (fork !== undefined) return 'forked';
    const found = damaged.size + treeNodes;
    if (left.size > 0 || (this.#request.dryRun && found > 0)) return 'damaged';
    if (checked < size) return 'unfinished';
    return found > 0 ? 'mended' : 'sound';
  }
}
