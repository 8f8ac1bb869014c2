import type { Clock } from '@grapevine/shared/clock.ts';
import { covers, encodeToken, type Vector } from '@grapevine/shared/contracts/consistency-token.ts';
import type {
  CatchUp,
  Fork,
  HeadsResponse,
  Member,
  MembersResponse,
  PublishRequest,
  RootResponse,
} from '@grapevine/shared/contracts/node-api.ts';
import type { RepairReport, RepairRequest } from '@grapevine/shared/contracts/repair.ts';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import type { Stoppable } from '@grapevine/shared/lifecycle.ts';
import { toHex } from '@grapevine/shared/log/bytes.ts';
import type { SignedHead } from '@grapevine/shared/log/head.ts';
import type { Logger } from 'pino';
import type { AheadVerifier } from './catch-up/ahead-verifier.ts';
import { type CatchUpEffect, type SegmentSource, SegmentStream } from './catch-up/segment-stream.ts';
import type { ReplicaEffect, ReplicaEvent } from './core/events.ts';
import type { CorePorts } from './core/ports.ts';
import { Replica, type ReplicaOptions, supersededBy } from './core/replica.ts';
import type { Repairs } from './damage/repairs.ts';
import type { Scrubber } from './damage/scrubber.ts';
import type { ForkWatch } from './forks/fork-watch.ts';
import { headToJson } from './forks/signed-head.ts';
import { logNotice, type OwnReport, reportMembers, reportMembership } from './membership-report.ts';
import type { NodeService, PublishOutcome } from './node-service.ts';
import { Publisher } from './publisher.ts';
import type { DataDamage } from './store/damage.ts';
import type { CheckedSegment, LogStore } from './store/log-store.ts';
import type { StoreHealth } from './store-health.ts';
import type { SealedTransport } from './transport/sealed-transport.ts';
import type { Views } from './views/views.ts';
import type { Address } from './wire/messages.ts';

export interface ClusterNodeParts {
  readonly options: ReplicaOptions;
  readonly ports: Omit<CorePorts, 'log' | 'verifier'>;
  readonly verifier: AheadVerifier;
  /** Where a catch-up gets a peer's segments from. */
  readonly segments: SegmentSource;
  readonly store: LogStore;
  readonly views: Views;
  readonly scrubber: Pick<Scrubber, 'counts' | 'suspect'>;
  readonly repairs: Pick<Repairs, 'repair'>;
  readonly forks: Pick<ForkWatch, 'counts' | 'list' | 'suspect'>;
  /** What is known of the store's disk; absent when it has none. */
  readonly disk?: StoreHealth;
  readonly transport: SealedTransport;
  readonly clock: Clock;
  readonly log: Logger;
  /** Makes every later start's boot epoch exceed this one. */
  readonly raiseBootEpoch: (epoch: number) => void;
  /** Told of what has been flushed; for metrics. */
  readonly onCommitted?: (segments: readonly CheckedSegment[]) => void;
  /** Largest message body in bytes. */
  readonly maxBodyBytes: number;
}

/** Readers that wait for this node to catch up; beyond it they are told at once that it has not. */
const maxWaiters = 10_000;

interface Waiter {
  readonly required: Vector;
  readonly resolve: (reached: boolean) => void;
  readonly timer: NodeJS.Timeout;
}

/** A running node: drives the replica core with a store, a transport and a clock, and answers the HTTP layer. */
export class ClusterNode implements NodeService, Stoppable {
  readonly name: string;
  readonly origin: string;
  readonly log: LogStore;
  readonly views: Views;
  readonly replica: Replica;
  readonly #parts: ClusterNodeParts;
  readonly #publisher: Publisher;
  readonly #listeners = new Set<() => void>();
  readonly #waiters = new Set<Waiter>();
  #timer: NodeJS.Timeout | undefined;
  #timerAtMs = Number.POSITIVE_INFINITY;
  #catchUp: SegmentStream | undefined;
  #stopping = false;
  #retired: string | undefined;

  constructor(parts: ClusterNodeParts) {
    const { options, ports, verifier, store, views, transport } = parts;
    this.#parts = parts;
    this.name = options.self.name;
    this.origin = ports.signer.origin;
    this.log = store;
    this.views = views;
    this.replica = new Replica(options, { ...ports, verifier, log: store });
    this.#publisher = new Publisher({
      origin: this.origin,
      views,
      maxBodyBytes: parts.maxBodyBytes,
      step: (event) => this.#step(event),
      after: (delayMs, run) => {
        const timer = setTimeout(run, delayMs);
        return () => clearTimeout(timer);
      },
    });
    transport.onMessage((message, sender) => this.#step({ type: 'message', sender, message }));
    transport.onForeignVersion((version, sender) => this.#step({ type: 'foreign-version', sender, version }));
    parts.disk?.onRecovered(() => this.#step({ type: 'store-recovered' }));
    this.#step({ type: 'wake' });
  }

  async publish(author: string, request: PublishRequest): Promise<PublishOutcome> {
    const reason = this.#notTaking();
    if (reason !== undefined) throw new GrapevineError('UNAVAILABLE', reason, { retryAfterSeconds: 1 });
    this.#requireDisk();
    return this.#publisher.publish(author, request);
  }

  waitFor(required: Vector, timeoutMs: number): Promise<boolean> {
    if (covers(this.replica.flushed.vector, required)) return Promise.resolve(true);
    if (timeoutMs <= 0 || this.#stopping || this.#waiters.size >= maxWaiters) return Promise.resolve(false);
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#release(waiter, false), timeoutMs);
      const waiter = { required, resolve, timer };
      this.#waiters.add(waiter);
    });
  }

  onCommit(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  members(): readonly Member[] {
    return reportMembers(this.replica, this.#ownReport());
  }

  membership(): MembersResponse {
    return reportMembership(this.replica, this.#ownReport(), this.#parts.clock.monotonicMs());
  }

  /** The catch-up that is under way. */
  catchUp(): CatchUp | null {
    const progress = this.replica.catchUp(this.#parts.clock.monotonicMs());
    if (progress === undefined) return null;
    const { from, entries, of, bytes, elapsedMs } = progress;
    return { from, entries, of, bytesPerSecond: Math.round((bytes * 1_000) / Math.max(1, elapsedMs)) };
  }

  heads(): HeadsResponse {
    const heads = this.replica.flushed.heads().map(headToJson);
    return { node: this.name, root: toHex(this.replica.flushed.root()), heads };
  }

  head(origin: string): SignedHead | undefined {
    return this.replica.flushed.head(origin);
  }

  root(): RootResponse {
    const { vector } = this.replica.flushed;
    return {
      node: this.name,
      origin: this.origin,
      root: toHex(this.replica.flushed.root()),
      messages: this.views.count(),
      origins: vector.size,
      token: encodeToken(vector),
    };
  }

  unready(): string | undefined {
    const trouble = this.#parts.disk?.refusal?.message ?? this.replica.trouble;
    if (trouble !== undefined) return `This node cannot write to its disk: ${trouble}`;
    return this.#notTaking();
  }

  /** The registry names these peers now. */
  useSeeds(seeds: readonly Address[]): void {
    this.#step({ type: 'seeds', seeds });
  }

  suspect(damage: DataDamage): void {
    this.#parts.scrubber.suspect(damage);
  }

  async repair(request: RepairRequest): Promise<RepairReport> {
    if (!request.dryRun) this.#requireDisk();
    return this.#parts.repairs.repair(request);
  }

  forks(): readonly Fork[] {
    return this.#parts.forks.list();
  }

  /** Takes nothing of the log of `origin`, another node's, until `takeUpLog`. */
  holdLog(origin: string): void {
    this.#step({ type: 'hold-log', origin });
  }

  /** Goes on with a log that was held as the store has it now; nothing of it may be under way. */
  takeUpLog(origin: string): void {
    this.#step({ type: 'log-replaced', origin });
  }

  /** Writes nothing to this node's log any more; publishes are refused with `reason`. */
  retire(reason: string): void {
    this.#retired = reason;
    this.#step({ type: 'retire', reason });
  }

  /** Takes no more publishes, tells the peers, and waits until those in flight are flushed. Store and transport stay open. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const waiter of this.#waiters) this.#release(waiter, false);
    this.#step({ type: 'leave' });
    await this.#publisher.drain();
    clearTimeout(this.#timer);
  }

  #requireDisk(): void {
    const refusal = this.#parts.disk?.refusal;
    if (refusal !== undefined) throw new GrapevineError(refusal.code, refusal.message, { retryAfterSeconds: 1 });
  }

  /** Why no publish is taken, but for the disk. */
  #notTaking(): string | undefined {
    if (this.#stopping) return 'This node is stopping.';
    if (this.#retired !== undefined) return `This node does not write any more: ${this.#retired}.`;
    const { superseded } = this.replica.membership;
    if (superseded !== undefined) return `This node does not write any more: ${supersededBy(superseded)}.`;
    return this.replica.hasJoined ? undefined : 'This node is asking its peers whether its log is complete.';
  }

  #ownReport(): OwnReport {
    const { quarantined, viewRecords: mendedViews } = this.#parts.scrubber.counts;
    const { open: forks } = this.#parts.forks.counts;
    return { messages: this.views.count(), catchUp: this.catchUp(), quarantined, mendedViews, forks };
  }

  #step(event: ReplicaEvent): void {
    const { clock } = this.#parts;
    const now = { wallMs: clock.wallMs(), monotonicMs: clock.monotonicMs() };
    for (const effect of this.replica.step(event, now)) this.#carryOut(effect);
    this.#wakeBy(this.replica.wakeAtMs, now.monotonicMs);
  }

  /** A timer that goes off too early does no harm, and setting one anew for every datagram costs more than most of them. */
  #wakeBy(atMs: number, nowMs: number): void {
    if (this.#stopping || atMs >= this.#timerAtMs) return;
    clearTimeout(this.#timer);
    this.#timerAtMs = atMs;
    const wake = (): void => {
      this.#timerAtMs = Number.POSITIVE_INFINITY;
      this.#step({ type: 'wake' });
    };
    this.#timer = setTimeout(wake, Math.max(0, Math.ceil(atMs - nowMs)));
  }

  #carryOut(effect: ReplicaEffect): void {
    switch (effect.type) {
      case 'send':
        this.#parts.transport.send(effect.to, effect.message, effect.version);
        break;
      case 'commit':
        this.#commit(effect);
        break;
      case 'advanced':
        this.#advanced();
        break;
      case 'settled':
      case 'rejected':
        this.#publisher.finish(effect);
        break;
      case 'catch-up':
        this.#catchUp = this.#openStream(effect);
        break;
      case 'catch-up-next':
        this.#catchUp?.next();
        break;
      case 'catch-up-end':
        this.#catchUp?.end();
        break;
      case 'refused-segment':
        this.#parts.log.warn({ sender: effect.sender, reason: effect.reason }, 'refused a segment');
        // A signature shows only who holds the key: whether it is a fork, a comparison tells.
        this.#parts.forks.suspect(effect.sender);
        break;
      case 'contradicted':
        this.#parts.forks.suspect(effect.peer);
        break;
      case 'notice':
        logNotice(effect.notice, this.#parts.log);
        if (effect.notice.kind === 'outbid') this.#parts.raiseBootEpoch(effect.notice.bootEpoch);
        break;
    }
  }

  #commit({ batch, segments }: Extract<ReplicaEffect, { type: 'commit' }>): void {
    this.#parts.store.commit(segments).then(
      () => {
        this.#parts.onCommitted?.(segments);
        this.#step({ type: 'committed', batch });
      },
      (error: unknown) => {
        const reason = error instanceof Error ? error.message : String(error);
        // What the disk has, has been told.
        if (this.#parts.disk?.trouble === undefined) this.#parts.log.error({ err: error }, 'a commit failed');
        this.#step({ type: 'commit-failed', batch, reason });
      },
    );
  }

  #openStream(effect: CatchUpEffect): SegmentStream {
    const { verifier, segments: source, log } = this.#parts;
    log.info({ peer: effect.peer.name, origins: effect.origins.length }, 'catching up');
    return new SegmentStream(effect, { source, verifier, log, step: (event) => this.#step(event) });
  }

  #advanced(): void {
    for (const waiter of this.#waiters) {
      if (covers(this.replica.flushed.vector, waiter.required)) this.#release(waiter, true);
    }
    for (const listener of this.#listeners) listener();
  }

  #release(waiter: Waiter, reached: boolean): void {
    clearTimeout(waiter.timer);
    this.#waiters.delete(waiter);
    waiter.resolve(reached);
  }
}
