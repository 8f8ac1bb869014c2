import type { SignedHead } from '@grapevine/shared/log/head.ts';
import { HybridClock } from '@grapevine/shared/log/hlc.ts';
import type { MemberDigest } from '../wire/messages.ts';
import { AckTracker } from './acks.ts';
import { CatchUp, type CatchUpCounts, type CatchUpProgress } from './catch-up.ts';
import { CommitPipeline } from './commit-pipeline.ts';
import { ErasureGuard } from './erasure-guard.ts';
import type {
  HoldersOrder,
  MembershipNotice,
  PublishOrder,
  RejectionCause,
  ReplicaEffect,
  ReplicaEvent,
} from './events.ts';
import { FlushedLog } from './flushed-log.ts';
import { Gossip, type GossipOptions } from './gossip.ts';
import { IncompatiblePeers } from './incompatible-peers.ts';
import { LogTips } from './log-tips.ts';
import type { Membership } from './membership.ts';
import type { CorePorts, LogReader, Now } from './ports.ts';
import type { Harvest } from './puller.ts';
import { type Place, Writer } from './writer.ts';

export interface ReplicaOptions extends GossipOptions {
  /** Bytes of publishes that may wait for a commit. */
  readonly queueBytes: number;
  /** Bytes that this node must lack of a peer's logs before it streams them, instead of pulling datagrams. */
  readonly catchUpBytes: number;
  /** The smallest age after which retention erases bodies, in milliseconds; infinite when none does by age. */
  readonly smallestRetentionMs: number;
}

/** After a failed commit, publishes are refused for so long before the disk is tried again, in milliseconds. */
const storeRetryMs = 1_000;

/** Counts since the start, for metrics. */
export interface ReplicaCounts {
  segmentsReceived: number;
  /** Segments that arrived although they were here already. */
  segmentsKnown: number;
  segmentsRefused: number;
  /** Segments that lacked bodies which others should have. */
  segmentsWithheld: number;
  commits: number;
}

/**
 * One node's whole behaviour as a state machine: events in, effects out. It reads the log through a port, but has no
 * clock, no randomness of its own and no I/O, so that the same code runs on sockets and in the simulator.
 *
 * Invariants:
 * - R1: what is advertised (vectors, nudges, heads) has been flushed.
 * - R2: what is committed has been checked: signature, sequence and root.
 * - R3: a publish is settled only after it has been flushed here; `heldBy` counts only nodes that said so themselves.
 * - R4: it writes only once it knows that its own log is complete (`amnesia-guard.ts`).
 */
export class Replica {
  readonly counts: ReplicaCounts = {
    segmentsReceived: 0,
    segmentsKnown: 0,
    segmentsRefused: 0,
    segmentsWithheld: 0,
    commits: 0,
  };
  readonly flushed: FlushedLog;
  readonly #log: LogReader;
  readonly #erasures: ErasureGuard;
  readonly #tips: LogTips;
  readonly #clock: HybridClock;
  readonly #writer: Writer;
  readonly #pipeline: CommitPipeline;
  readonly #acks = new AckTracker();
  readonly #gossip: Gossip;
  readonly #catchUp: CatchUp;
  readonly #incompatible = new IncompatiblePeers();
  #trouble: { readonly reason: string; readonly untilMs: number } | undefined;
  /** Whether the disk has failed just now. */
  #isPaused = false;
  /** Whether the clock has heard of what was on disk at the start. */
  #knowsDates = false;
  /** Whether this node's own log has forked. */
  #isRetired = false;
  #effects: ReplicaEffect[] = [];

  constructor(options: ReplicaOptions, ports: CorePorts) {
    const { log, hash, verifier, signer, random } = ports;
    this.#log = log;
    this.flushed = new FlushedLog(hash, log.heads());
    const isReachable = (origin: string): boolean =>
      this.#gossip.membership.reachable().some((member) => member.origin === origin);
    this.#erasures = new ErasureGuard(options.smallestRetentionMs, isReachable);
    this.#tips = new LogTips(hash, verifier, log, this.#erasures);
    this.#clock = new HybridClock();
    this.#writer = new Writer(signer, hash, this.#tips, this.#clock, options.queueBytes);
    this.#pipeline = new CommitPipeline(this.#writer, signer.origin);
    const emit = (effect: ReplicaEffect): void => void this.#effects.push(effect);
    this.#catchUp = new CatchUp(options.catchUpBytes, { tips: this.#tips, flushed: this.flushed, emit });
    this.#gossip = new Gossip(options, {
      flushed: this.flushed,
      tips: this.#tips,
      log,
      random,
      send: (to, message, version) => emit({ type: 'send', to, message, version }),
      notify: (notice) => this.#notify(notice),
      contradicted: (peer) => emit({ type: 'contradicted', peer }),
      // What comes while the disk takes nothing would have to come again.
      receiving: (nowMs) => this.#pipeline.receiving || this.#catchUp.isBringing(nowMs) || this.#isPaused,
      catchingUp: () => this.#catchUp.busy,
      // Without seals anybody could have us send a request that bears this node's name to any address.
      catchUp: (peer, sizes, nowMs) => !options.seedsOnly && this.#catchUp.begin(peer, sizes, signer.origin, nowMs),
    });
  }

  /** Takes in one event and answers what is to be done, in order. */
  step(event: ReplicaEvent, now: Now): ReplicaEffect[] {
    if (!this.#knowsDates) for (const head of this.flushed.heads()) this.#noteDate(head, now);
    this.#knowsDates = true;
    this.#erasures.advance(now);
    this.#take(event, now);
    this.#isPaused = this.#trouble !== undefined && now.monotonicMs < this.#trouble.untilMs;
    this.#gossip.advance(now.monotonicMs);
    this.#commit(now);
    this.#catchUp.advance(this.#pipeline.stagedBytes, now.monotonicMs);
    this.#settle(now);
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  /** Monotonic time at which a `wake` event is due. */
  get wakeAtMs(): number {
    return Math.min(this.#gossip.wakeAtMs, this.#acks.deadlineMs, this.#catchUp.deadlineMs);
  }

  /** This node's record first. */
  members(): readonly MemberDigest[] {
    return this.#gossip.membership.records();
  }

  /** Messages that the member at `origin` was last known to hold. */
  messagesAt(origin: string): number {
    return this.#gossip.knowledge.messages(origin);
  }

  /** The catch-up that is under way. */
  catchUp(nowMs: number): CatchUpProgress | undefined {
    return this.#catchUp.progress(nowMs);
  }

  get catchUpCounts(): CatchUpCounts {
    return this.#catchUp.counts;
  }

  /** Why publishes are refused at the moment, if they are. */
  get trouble(): string | undefined {
    return this.#trouble?.reason;
  }

  /** Whether this node knows that its own log is complete; before, publishes wait. */
  get mayWrite(): boolean {
    return this.#gossip.mayWrite && !this.#isRetired;
  }

  /** Whether this node has been allowed to write before. */
  get hasJoined(): boolean {
    return this.#gossip.hasJoined;
  }

  get membership(): Membership {
    return this.#gossip.membership;
  }

  /** Holders of the cluster's key that speak only versions that this node does not. */
  incompatible(nowMs: number): ReturnType<IncompatiblePeers['list']> {
    return this.#incompatible.list(nowMs);
  }

  /** Whether nothing waits to be written to the disk. */
  get idle(): boolean {
    return this.#pipeline.idle && this.#writer.queueBytes === 0;
  }

  get queueBytes(): number {
    return this.#writer.queueBytes;
  }

  #take(event: ReplicaEvent, now: Now): void {
    switch (event.type) {
      case 'wake':
        break;
      case 'message':
        this.#receive(event, now);
        break;
      case 'publish':
        for (const order of event.orders) this.#publish(order, now);
        break;
      case 'await-holders':
        this.#awaitHolders(event.order, now);
        break;
      case 'committed':
        this.#committed(event.batch, now.monotonicMs);
        break;
      case 'commit-failed':
        this.#commitFailed(event.batch, event.reason, now);
        break;
      case 'foreign-version':
        this.#foreignVersion(event, now);
        break;
      case 'store-recovered':
        this.#trouble = undefined;
        break;
      case 'seeds':
        this.#gossip.useSeeds(event.seeds);
        break;
      case 'streamed':
        this.#receiveStreamed(event, now);
        break;
      case 'stream-ended':
        this.#catchUp.ended(event.stream, event.isComplete, now.monotonicMs);
        break;
      case 'hold-log':
        this.#tips.hold(event.origin);
        this.#pipeline.drop(event.origin);
        this.#catchUp.abandon(now.monotonicMs);
        break;
      case 'log-replaced':
        this.#logReplaced(event.origin);
        break;
      case 'retire':
        this.#isRetired = true;
        this.#reject(this.#writer.drain(), 'superseded', event.reason);
        break;
      case 'leave':
        this.#catchUp.abandon(now.monotonicMs);
        this.#acks.close();
        this.#gossip.leave();
    }
  }

  #receive(event: Extract<ReplicaEvent, { type: 'message' }>, now: Now): void {
    const harvest = this.#gossip.receive(event.sender, event.message, now.monotonicMs);
    this.#stage(harvest, event.sender, now);
  }

  #receiveStreamed({ stream, segments }: Extract<ReplicaEvent, { type: 'streamed' }>, now: Now): void {
    const peer = this.#catchUp.peerOf(stream);
    if (peer !== undefined) this.#stage(this.#catchUp.receive(segments, now.monotonicMs), peer.origin, now);
  }

  #stage(harvest: Harvest, sender: string, now: Now): void {
    this.#catchUp.weigh(harvest.segments);
    this.counts.segmentsReceived += harvest.segments.length + harvest.known;
    this.counts.segmentsKnown += harvest.known;
    this.counts.segmentsRefused += harvest.refused.length;
    this.counts.segmentsWithheld += harvest.withheld;
    for (const reason of harvest.refused) this.#effects.push({ type: 'refused-segment', sender, reason });
    for (const { segment } of harvest.segments) this.#noteDate(segment.head, now);
    this.#pipeline.stage(harvest.segments);
  }

  /** An own entry that comes back, from the disk or from a peer, binds the clock; those of others only as far as they are credible. */
  #noteDate({ origin, hlc }: SignedHead, now: Now): void {
    if (origin === this.membership.self.origin) this.#clock.recall(hlc);
    else this.#clock.observe(hlc, now.wallMs);
  }

  #foreignVersion({ sender, version }: Extract<ReplicaEvent, { type: 'foreign-version' }>, now: Now): void {
    if (this.#incompatible.note(sender, version, now.monotonicMs)) {
      this.#notify({ kind: 'incompatible', origin: sender, version });
    }
  }

  #notify(notice: MembershipNotice): void {
    this.#effects.push({ type: 'notice', notice });
    if (notice.kind !== 'superseded') return;
    this.#reject(this.#writer.drain(), 'superseded', supersededBy(notice.by));
  }

  #publish({ ticket, drafts, acks, timeoutMs }: PublishOrder, now: Now): void {
    const { superseded } = this.membership;
    if (superseded !== undefined) {
      this.#reject([ticket], 'superseded', supersededBy(superseded));
    } else if (this.#trouble !== undefined && now.monotonicMs < this.#trouble.untilMs) {
      this.#reject([ticket], 'store-refuses', this.#trouble.reason);
    } else if (acks > 1 && this.#acks.isFull) {
      this.#reject([ticket], 'queue-full', tooManyWait);
    } else if (!this.#writer.offer({ ticket, drafts, acks, deadlineMs: now.monotonicMs + timeoutMs })) {
      this.#reject([ticket], 'queue-full', `${this.#writer.queueBytes} bytes are waiting to be committed`);
    }
  }

  #committed(batch: number, nowMs: number): void {
    if (!this.#pipeline.awaits(batch)) return;
    const { segments, placed } = this.#pipeline.committed(batch);
    this.#trouble = undefined;
    this.counts.commits++;
    const grown = this.flushed.apply(segments);
    const { origin } = this.membership.self;
    for (const { ticket, placements, acks, deadlineMs } of placed) {
      const seq = placements.at(-1)?.seq ?? -1;
      this.#acks.add({ ticket, placements, last: [{ origin, seq }], acks, deadlineMs });
    }
    this.#gossip.grew(grown, nowMs);
    this.#effects.push({ type: 'advanced' });
  }

  #commitFailed(batch: number, reason: string, now: Now): void {
    if (!this.#pipeline.awaits(batch)) return;
    const lost = this.#pipeline.failed();
    this.#trouble = { reason, untilMs: now.monotonicMs + storeRetryMs };
    this.#catchUp.abandon(now.monotonicMs);
    this.#tips.rollBack();
    this.#gossip.reset();
    this.#reject(lost, 'store-failed', reason);
  }

  #logReplaced(origin: string): void {
    const head = this.#log.heads().find((one) => one.origin === origin);
    this.flushed.replace(origin, head);
    this.#tips.replace(origin, head);
    this.#gossip.reset();
    this.#effects.push({ type: 'advanced' });
  }

  #reject(tickets: readonly number[], why: RejectionCause, reason: string): void {
    for (const ticket of tickets) this.#effects.push({ type: 'rejected', ticket, why, reason });
  }

  #commit(now: Now): void {
    const next = (): ReturnType<CommitPipeline['next']> => this.#pipeline.next(now.wallMs, this.mayWrite);
    for (let batch = next(); batch !== undefined; batch = next()) {
      this.#effects.push({ type: 'commit', batch: batch.batch, segments: batch.segments });
    }
  }

  #awaitHolders({ ticket, places, acks, timeoutMs }: HoldersOrder, now: Now): void {
    if (acks > 1 && this.#acks.isFull) this.#reject([ticket], 'queue-full', tooManyWait);
    else {
      this.#acks.add({ ticket, placements: [], last: places, acks, deadlineMs: now.monotonicMs + timeoutMs });
      this.#followAwaited();
    }
  }

  /** Peers say of every log how much of it they hold; of those of others it is remembered while somebody waits for it. */
  #followAwaited(): void {
    const origins = this.#acks.origins();
    origins.delete(this.membership.self.origin);
    this.#gossip.knowledge.follow(origins);
  }

  #settle(now: Now): void {
    const holders = (place: Place): number => this.#holders(place);
    for (const { publish, heldBy, acknowledged } of this.#acks.settle(holders, now.monotonicMs)) {
      const { ticket, placements } = publish;
      this.#effects.push({ type: 'settled', ticket, placements, heldBy, acknowledged });
    }
    if (this.#gossip.knowledge.isFollowing) this.#followAwaited();
  }

  /** Nodes that hold a message of this node's disk, this one included. */
  #holders({ origin, seq }: Place): number {
    const isMember = (peer: string): boolean => this.membership.byOrigin(peer) !== undefined;
    const { knowledge } = this.#gossip;
    if (origin === this.membership.self.origin) return 1 + knowledge.holders(seq + 1, isMember);
    return 1 + knowledge.holdersElsewhere(origin, seq + 1, isMember);
  }
}

const tooManyWait = 'too many publishes wait for other nodes';

/** For whoever has to end one of the two. */
export function supersededBy({ name, origin, bootEpoch, udp }: MemberDigest): string {
  const since = new Date(bootEpoch).toISOString();
  return `a process that started later, at ${since}, is the member ${name} with the origin ${origin}, at ${udp.host}:${udp.port}`;
}
