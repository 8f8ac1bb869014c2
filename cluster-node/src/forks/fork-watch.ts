import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '@grapevine/shared/clock.ts';
import type { Fork, Member, SignedHeadJson } from '@grapevine/shared/contracts/node-api.ts';
import type { Stoppable } from '@grapevine/shared/lifecycle.ts';
import type { Random } from '@grapevine/shared/random.ts';
import type { Logger } from 'pino';
import { ProvenTree } from '../damage/proven-tree.ts';
import type { LogChecks } from '../damage/read-segment.ts';
import type { NodeService } from '../node-service.ts';
import { DataDamage } from '../store/damage.ts';
import type { LogStore } from '../store/log-store.ts';
import type { FoundFork, PeerTree } from './find-fork.ts';
import { findForkAt } from './find-fork-at.ts';
import { endFork, listForks, noteFork } from './fork-log.ts';
import { forkToJson } from './signed-head.ts';

/** What one peer answers; everything must be done before its deadline. */
export interface PeerHistory {
  /** Equal roots mean the same content. */
  root(): Promise<string>;
  heads(): Promise<{ readonly heads: readonly SignedHeadJson[] }>;
  treeOf(origin: string): PeerTree;
}

export interface ForkWatchParts {
  /** The node itself; asked for only when it runs. */
  readonly service: () => Pick<NodeService, 'name' | 'head' | 'members' | 'root' | 'log' | 'suspect'>;
  readonly store: Pick<LogStore, 'flushed' | 'maintain'>;
  readonly checks: LogChecks;
  readonly historyOf: (peer: Member) => PeerHistory;
  /** Milliseconds between comparisons with a random peer. */
  readonly intervalMs: number;
  readonly random: Random;
  readonly clock: Clock;
  readonly log: Logger;
  /** Called for every fork that is seen, each time anew, after it has been noted. */
  readonly onFork: (fork: Fork) => void;
}

export interface ForkCounts {
  /** Forks that last. */
  open: number;
  /** Found since the start. */
  found: number;
  /** Comparisons with a peer, by how they ended. */
  readonly comparisons: Record<'agreed' | 'forked' | 'failed', number>;
}

/** Between two looks at who is new or suspected, in milliseconds. */
const lookMs = 1_000;
/** The same peer is not compared again within this, in milliseconds, however much it is suspected. */
const leastGapMs = 5_000;
/** Peers that wait to be compared because of a suspicion; all others have their turn anyway. */
const maxSuspects = 256;
/** Members that are remembered as compared: more than a node ever compares with in an hour. */
const maxRemembered = 4_096;

/**
 * Compares this node's logs with those of others: with each peer when it is first met, with whoever is suspected, and with a
 * random one now and then. Equal roots end it after one question. A fork is evidence, kept on disk; what only looks like one,
 * because a copy is damaged, comes to nothing here, since both sides must prove what they say.
 */
export class ForkWatch implements Stoppable {
  readonly name = 'fork watch';
  readonly counts: ForkCounts = { open: 0, found: 0, comparisons: { agreed: 0, forked: 0, failed: 0 } };
  readonly #parts: ForkWatchParts;
  /** Origins of peers that something spoke against. */
  readonly #suspects = new Set<string>();
  /** When each life of a peer was last compared. */
  readonly #comparedMs = new Map<string, number>();
  #nextRandomMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #isStopped = false;

  constructor(parts: ForkWatchParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#count();
    this.#schedule();
  }

  /** Something that only a fork or damage explains came from the peer that writes to `origin`. */
  suspect(origin: string): void {
    if (this.#suspects.size < maxSuspects) this.#suspects.add(origin);
  }

  /** Every fork that is remembered, those that last first. */
  list(): Fork[] {
    return listForks(this.#parts.store.flushed);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  /**
   * Compares with `peer` now and notes what is found. Throws `UNAVAILABLE` or `UPSTREAM_FAILED` when it cannot be asked or
   * contradicts itself, `DataDamage` when this node's own tree does.
   */
  async compareWith(peer: Member): Promise<readonly FoundFork[]> {
    this.#remember(peer);
    const history = this.#parts.historyOf(peer);
    if ((await history.root()) === this.#parts.service().root().root) {
      await this.#settle(peer, []);
      return [];
    }
    const found: FoundFork[] = [];
    const { heads } = await history.heads();
    const { service, checks } = this.#parts;
    for (const head of heads) {
      const own = service().head(head.origin);
      if (own === undefined) continue;
      const tree = new ProvenTree(service().log.tree(head.origin), own, checks.hash);
      const fork = await findForkAt(peer, tree, head, history.treeOf(head.origin), checks);
      if (fork !== undefined) found.push(fork);
      await nextTurn();
    }
    await this.#settle(peer, found);
    return found;
  }

  /** This node has given up its history of `origin` from entry `seq` on: forks there are over. */
  async overcome(origin: string, seq: number): Promise<void> {
    const { store, clock } = this.#parts;
    await store.maintain((batch) => {
      const isOver = (fork: Fork): boolean => fork.endedMs === null && fork.origin === origin && fork.seq >= seq;
      for (const fork of listForks(batch)) if (isOver(fork)) endFork(batch, fork, clock.wallMs());
    });
    this.#count();
  }

  #schedule(): void {
    this.#timer = setTimeout(() => {
      this.#running = this.#look().finally(() => {
        this.#running = undefined;
        if (!this.#isStopped) this.#schedule();
      });
    }, lookMs);
  }

  async #look(): Promise<void> {
    const { clock, intervalMs } = this.#parts;
    const peers = this.#reachable();
    const nowMs = clock.monotonicMs();
    const due = peers.filter((peer) => this.#isDue(peer, nowMs));
    if (due.length === 0 && nowMs >= this.#nextRandomMs) due.push(...this.#someone(peers));
    for (const peer of due) {
      if (this.#isStopped) return;
      this.#suspects.delete(peer.origin);
      await this.#tryCompare(peer);
      this.#nextRandomMs = clock.monotonicMs() + intervalMs * (0.5 + this.#parts.random.float());
    }
  }

  #reachable(): Member[] {
    const service = this.#parts.service();
    const isPeer = ({ name, state }: Member): boolean =>
      name !== service.name && (state === 'alive' || state === 'suspect');
    return service.members().filter(isPeer);
  }

  #isDue(peer: Member, nowMs: number): boolean {
    const comparedMs = this.#comparedMs.get(lifeOf(peer));
    return comparedMs === undefined || (this.#suspects.has(peer.origin) && nowMs - comparedMs >= leastGapMs);
  }

  #someone(peers: readonly Member[]): readonly Member[] {
    const chosen = peers[this.#parts.random.below(Math.max(1, peers.length))];
    return chosen === undefined ? [] : [chosen];
  }

  async #tryCompare(peer: Member): Promise<void> {
    const { log, service } = this.#parts;
    const { comparisons } = this.counts;
    try {
      const forks = await this.compareWith(peer);
      comparisons[forks.length === 0 ? 'agreed' : 'forked'] += 1;
    } catch (error) {
      comparisons.failed += 1;
      if (error instanceof DataDamage) service().suspect(error);
      else log.info({ peer: peer.name, reason: String(error) }, 'could not compare with a peer');
    }
  }

  /** Notes what was found at a peer, and that what it had shown before is over. */
  async #settle(peer: Member, found: readonly FoundFork[]): Promise<void> {
    const { store, clock, log, onFork } = this.#parts;
    const nowMs = clock.wallMs();
    const isOver = (fork: Fork): boolean =>
      fork.endedMs === null &&
      fork.peer === peer.name &&
      !found.some(({ origin, seq }) => origin === fork.origin && seq === fork.seq);
    if (found.length === 0 && this.counts.open === 0) return;
    const before = new Set(
      this.list().flatMap(({ endedMs, own, other }) => (endedMs === null ? own.id + other.id : [])),
    );
    const noted = await store.maintain((batch) => {
      for (const fork of listForks(batch)) if (isOver(fork)) endFork(batch, fork, nowMs);
      return found.map((fork) => noteFork(batch, forkToJson(fork, peer.name, nowMs)));
    });
    this.#count();
    for (const fork of noted) {
      if (fork === undefined) log.error({ peer: peer.name }, 'a fork was found, and there is no room to note it');
      else this.#tell(fork, before.has(fork.own.id + fork.other.id));
      if (fork !== undefined) onFork(fork);
    }
  }

  #tell({ origin, seq, peer, own, other }: Fork, isKnown: boolean): void {
    if (isKnown) return;
    this.counts.found += 1;
    const details = { origin, seq, peer, ownId: own.id, otherId: other.id };
    this.#parts.log.error(details, 'forked: a peer holds another history of this log, signed by its origin as well');
  }

  #count(): void {
    this.counts.open = this.list().filter(({ endedMs }) => endedMs === null).length;
  }

  #remember(peer: Member): void {
    this.#comparedMs.delete(lifeOf(peer));
    this.#comparedMs.set(lifeOf(peer), this.#parts.clock.monotonicMs());
    const [oldest] = this.#comparedMs.keys();
    if (this.#comparedMs.size > maxRemembered && oldest !== undefined) this.#comparedMs.delete(oldest);
  }
}

/** A restarted process may hold other data than the one before. */
function lifeOf({ name, origin, bootEpoch }: Member): string {
  return `${name} ${origin} ${bootEpoch}`;
}
