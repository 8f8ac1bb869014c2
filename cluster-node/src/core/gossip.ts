import { equalBytes } from '@grapevine/shared/log/bytes.ts';
import type { Random } from '@grapevine/shared/random.ts';
import { maxPayload, nudgeBytes, originSizeBytes } from '../wire/limits.ts';
import {
  type Address,
  everyOrigin,
  type MemberDigest,
  type NodeMessage,
  type PullRequest,
  type PullResponse,
} from '../wire/messages.ts';
import { AmnesiaGuard } from './amnesia-guard.ts';
import { Audience, acknowledgesByNudge } from './audience.ts';
import type { MembershipNotice } from './events.ts';
import type { FlushedLog } from './flushed-log.ts';
import { MemberComparison } from './member-comparison.ts';
import { Membership, type MembershipOptions } from './membership.ts';
import { NudgeQueue } from './nudge-queue.ts';
import { PeerKnowledge } from './peer-knowledge.ts';
import { type Harvest, type PullEnd, Puller } from './puller.ts';
import { type Recipient, Speaker, type SpeakerOptions, type SpeakerPorts } from './speaker.ts';

export interface GossipOptions extends MembershipOptions, SpeakerOptions {
  /** This node's own record. Its boot epoch must exceed those of earlier lives under this name. */
  readonly self: MemberDigest;
  /** Whether there may be peers although there are no seeds yet: then they are waited for before this node writes. */
  readonly expectsPeers: boolean;
  /** Peers asked in each round. */
  readonly fanout: number;
}

/** Seeds asked in the first round: all of any usual list, and one of a thousand is no flood. */
const seedsAtStart = 8;
/** Every so many rounds somebody who was lost is asked, so that the halves of a healed partition find each other. */
const roundsPerLostProbe = 5;
/** Members that did not answer and are asked again in one round. More at once are not down: this node is cut off. */
const doubtfulPerRound = 8;
/** Goodbyes that a leaving node says at least, so that one gets through although datagrams are lost. */
const goodbyes = 8;

/** What gossip needs of the rest of the replica. */
export interface GossipPorts extends SpeakerPorts {
  readonly random: Random;
  readonly notify: (notice: MembershipNotice) => void;
  /** Whether segments from peers are on their way, in a stream or to the disk. */
  readonly receiving: (nowMs: number) => boolean;
  /** Whether a stream is open. */
  readonly catchingUp: () => boolean;
  /** Notes that a peer holds as many entries as this node, and other ones. */
  readonly contradicted: (peer: string) => void;
  /** Streams from a peer that holds logs up to `sizes`; false when that is not worth it or not possible now. */
  readonly catchUp: (peer: MemberDigest, sizes: ReadonlyMap<string, number>, nowMs: number) => boolean;
}

/** Pull gossip: whom to ask, what to answer, whom to tell. Data moves only in answers to pulls. */
export class Gossip {
  readonly membership: Membership;
  readonly knowledge: PeerKnowledge;
  readonly #options: GossipOptions;
  readonly #ports: GossipPorts;
  readonly #speaker: Speaker;
  readonly #puller: Puller;
  readonly #nudges = new NudgeQueue();
  readonly #audience: Audience;
  readonly #guard: AmnesiaGuard;
  readonly #comparison: MemberComparison;
  /** What the peer of the pull under way was ahead by when it was asked. */
  #promised: ReadonlyMap<string, number> = noEntries;
  /** The peer whose last answer was cut short by the budget. */
  #unfinished: string | undefined;
  #nextRoundMs = Number.NEGATIVE_INFINITY;

  constructor(options: GossipOptions, ports: GossipPorts) {
    this.#options = options;
    this.#ports = ports;
    this.membership = new Membership(options.self, options, ports.random);
    this.#speaker = new Speaker(options, ports, this.membership);
    this.#comparison = new MemberComparison(this.membership, options.maxDatagramBytes);
    this.knowledge = new PeerKnowledge(options.self.origin);
    this.#puller = new Puller(ports.tips, ports.random);
    this.#audience = new Audience(options.fanout);
    this.#guard = new AmnesiaGuard(options.expectsPeers || options.seeds.length > 0);
  }

  /** The registry names other seeds. */
  useSeeds(seeds: readonly Address[]): void {
    this.#speaker.seeds = seeds;
  }

  /** When `advance` has to be called next, at the latest. */
  get wakeAtMs(): number {
    return Math.min(this.#nextRoundMs, this.#puller.deadlineMs, this.#nudges.deadlineMs, this.#guard.deadlineMs);
  }

  /** Does what the time asks for: rounds, pulls, nudges. */
  advance(nowMs: number): void {
    if (nowMs >= this.#nextRoundMs) this.#doRound(nowMs);
    this.#notePullEnd(this.#puller.finish(nowMs));
    this.#pullAgain(nowMs);
    this.#sendNudges(nowMs);
    if (this.#guard.isDue(nowMs)) this.#reviewGuard(nowMs);
  }

  /** Takes in a message of `sender`; answers the segments that it brought. */
  receive(sender: string, message: NodeMessage, nowMs: number): Harvest {
    if ('members' in message) this.#notify(this.membership.merge(message.members, sender, nowMs));
    this.membership.heard(sender);
    const peer = this.membership.byOrigin(sender);
    // Whoever has not introduced itself has no address that we would trust.
    if (peer === undefined || !this.#speaker.mayTalkTo(peer.udp)) return nothing;
    if (message.type === 'members-request' || message.type === 'members-response') {
      this.#speaker.send(peer, this.#comparison.receive(message, sender));
      return nothing;
    }
    if (message.type === 'pull-request') {
      this.#speaker.answer(peer, message);
      if (contradicts(message, this.#ports.flushed)) this.#ports.contradicted(sender);
    }
    const sizes = message.type === 'nudge' ? message.heads : message.vector;
    this.knowledge.note(sender, peer.bootEpoch, sizes, this.#ports.flushed.vector);
    if (message.type === 'pull-request') this.#noteRequest(message, sender, peer.bootEpoch);
    if (message.type !== 'pull-response') return nothing;
    this.#noteOwnLog(message, sender);
    return this.#puller.receive(message, sender, nowMs);
  }

  /** Flushed entries of `origins` grew: whoever may lack them is told, and their origin learns who has them. */
  grew(origins: ReadonlySet<string>, nowMs: number): void {
    const self = this.membership.self.origin;
    const reachable = this.membership.reachable();
    const count = this.#audience.size(reachable.length, origins.has(self), nowMs);
    const audience = count < reachable.length ? this.#sample(reachable, count) : reachable;
    for (const { origin } of audience) this.#nudges.add(origin, origins);
    for (const origin of origins) {
      this.knowledge.reached(origin, this.#ports.flushed.size(origin));
      const owner = this.membership.byOrigin(origin);
      if (owner !== undefined && acknowledgesByNudge(reachable.length)) this.#nudges.add(origin, [origin]);
    }
  }

  /** Whether this node knows that its own log is complete, and that nobody else writes it. */
  get mayWrite(): boolean {
    return this.#guard.isOpen && this.membership.superseded === undefined;
  }

  /** Whether this node has been allowed to write before; from then on it is only ever a moment until it is again. */
  get hasJoined(): boolean {
    return this.#guard.hasOpened;
  }

  /** Forgets pulls that were built on segments that did not reach the disk. */
  reset(): void {
    this.#puller.reset();
  }

  /** Tells some peers that this node is leaving, each as often as it takes for `goodbyes` in all. */
  leave(): void {
    this.membership.leave();
    const peers = this.#sample(this.membership.reachable(), goodbyes);
    for (let said = 0; said < goodbyes; said += Math.max(1, peers.length)) {
      for (const peer of peers) this.#askForNews(peer);
    }
  }

  #reviewGuard(nowMs: number): void {
    const reachable = this.membership.reachable().map(({ origin }) => origin);
    this.#guard.review(this.#ports.flushed.size(this.membership.self.origin), reachable, nowMs);
    for (const origin of this.#guard.due(reachable, nowMs)) this.#askForOwnLog(origin, nowMs);
  }

  #askForOwnLog(peer: string, nowMs: number): void {
    const member = this.membership.byOrigin(peer);
    if (member === undefined) return;
    const requestId = this.#puller.newsRequestId();
    this.#guard.asked(peer, requestId, nowMs);
    this.#speaker.requestLog(member, requestId, this.membership.self.origin);
  }

  /** An answer tells only of logs of which the peer holds more. */
  #noteOwnLog({ requestId, index, vector }: PullResponse, sender: string): void {
    if (index !== 0) return;
    const own = this.membership.self.origin;
    const size = vector.find(({ origin }) => origin === own)?.size ?? 0;
    this.#guard.answered(sender, requestId, size);
  }

  #noteRequest({ range, vector }: PullRequest, sender: string, bootEpoch: number): void {
    if (range.from === everyOrigin.from && range.to === everyOrigin.to) {
      this.knowledge.noteTotal(sender, bootEpoch, vector);
    }
    const own = this.membership.self.origin;
    if (own < range.from || own > range.to) return;
    this.#guard.claim(vector.find(({ origin }) => origin === own)?.size ?? 0);
  }

  #doRound(nowMs: number): void {
    const { intervalMs, suspectAfterMs, fanout } = this.#options;
    const round = ++this.#speaker.round;
    const lateMs = round === 1 ? 0 : nowMs - this.#nextRoundMs;
    this.membership.health.round(lateMs, intervalMs);
    if (lateMs > suspectAfterMs / 2) this.membership.forgive(nowMs);
    if (lateMs > suspectAfterMs) this.#wakeUp();
    this.#nextRoundMs = nowMs + intervalMs * (0.8 + 0.4 * this.#ports.random.float());
    this.membership.beat(this.#ports.catchingUp());
    this.#notify(this.membership.sweep(nowMs));
    this.#forgetStrangers();
    const targets = new Set(this.#sample(this.membership.reachable(), fanout));
    for (const doubtful of this.#sample(this.membership.doubtful(), doubtfulPerRound)) targets.add(doubtful);
    for (const peer of targets) {
      this.membership.asked(peer.origin, nowMs);
      if (this.#mayPull(nowMs) && !this.#puller.isSlow(peer.origin, nowMs))
        this.#pull(peer, this.#speaker.members(), nowMs);
      else this.#askForNews(peer);
    }
    const [first] = targets;
    if (first !== undefined) this.#speaker.send(first, this.#comparison.begin(first.origin));
    const lost = round % roundsPerLostProbe === 0 ? this.membership.someLost() : undefined;
    if (lost !== undefined) this.#askForNews(lost);
    // At the start everybody is asked, for the sooner they answer, the sooner this node may write.
    for (const seed of this.#unmetSeeds(round === 1 ? seedsAtStart : 1)) this.#askForNews({ udp: seed });
  }

  /** This process was stopped for so long that others may have given it up. What they did then, it has to hear first. */
  #wakeUp(): void {
    if (this.#speaker.seeds.length > 0 || this.membership.reachable().length > 0) this.#guard.close();
  }

  #notify(notices: readonly MembershipNotice[]): void {
    for (const notice of notices) this.#ports.notify(notice);
  }

  #mayPull(nowMs: number): boolean {
    return !this.#puller.busy && !this.#ports.receiving(nowMs);
  }

  #notePullEnd(end: PullEnd | undefined): void {
    if (end === undefined) return;
    // A peer may advertise what it cannot give, because its copy is damaged: asking again at once would not help.
    if (!end.answered) this.knowledge.doubt(end.peer);
    else if (end.isFruitless) this.knowledge.retract(end.peer, this.#promised);
    this.#unfinished = end.more && end.isUseful ? end.peer : undefined;
  }

  /**
   * Pulls from whoever had more to send, or else from somebody who is known to be ahead. Those that are slow come last, and
   * what one of them is asked for is not waited for when another has something: it may promise for ever.
   */
  #pullAgain(nowMs: number): void {
    // After every event: most come while a pull is under way that goes well, and a large cluster has many peers to look at.
    if (!this.#mayPull(nowMs) && !this.#puller.isHeldUp(nowMs)) return;
    const ahead = this.knowledge.aheadPeers();
    const brisk = ahead.filter((peer) => !this.#puller.isSlow(peer, nowMs));
    if (brisk.length > 0) this.#notePullEnd(this.#puller.giveUpSlow(nowMs));
    if (!this.#mayPull(nowMs)) return;
    const last = this.#unfinished;
    const goesOn = last !== undefined && (brisk.length === 0 || !this.#puller.isSlow(last, nowMs));
    const [next] = goesOn ? [last] : this.#sample(brisk.length > 0 ? brisk : ahead, 1);
    this.#unfinished = undefined;
    if (next === undefined) return;
    const peer = this.membership.byOrigin(next);
    if (peer === undefined) this.knowledge.doubt(next);
    // Between rounds it is about data alone. Whoever is ahead has spoken to us, so that it knows us.
    else this.#pull(peer, [], nowMs);
  }

  #pull(peer: MemberDigest, members: readonly MemberDigest[], nowMs: number): void {
    if (this.#ports.catchUp(peer, this.knowledge.aheadSizes(peer.origin), nowMs)) {
      this.#askForNews(peer);
      return;
    }
    this.#promised = this.knowledge.aheadBy(peer.origin);
    const { requestId, budget } = this.#puller.begin(peer.origin, this.#promised.size > 0, nowMs);
    const partials = this.#puller.partials();
    this.#speaker.request(peer, { requestId, budget, partials, members }, this.knowledge.aheadOrigin(peer.origin));
  }

  #askForNews(to: Recipient): void {
    const requestId = this.#puller.newsRequestId();
    this.#speaker.request(to, { requestId, budget: 0, partials: [], members: this.#speaker.members() }, undefined);
  }

  #sendNudges(nowMs: number): void {
    const maxHeads = Math.floor((maxPayload(this.#options.maxDatagramBytes) - nudgeBytes) / originSizeBytes);
    for (const { peer, nudge } of this.#nudges.take(this.#ports.flushed.vector, maxHeads, nowMs)) {
      const member = this.membership.byOrigin(peer);
      if (member !== undefined) this.#speaker.send(member, nudge);
    }
  }

  #forgetStrangers(): void {
    const known = new Set(this.membership.records().map((record) => record.origin));
    this.knowledge.retain(known);
    this.#puller.retain(known);
    this.#nudges.retain(known);
  }

  /** Some seeds at whose addresses no member has been met yet. */
  #unmetSeeds(count: number): Address[] {
    const met = new Set(this.membership.records().map(({ udp }) => `${udp.host}:${udp.port}`));
    return this.#sample(
      this.#speaker.seeds.filter(({ host, port }) => !met.has(`${host}:${port}`)),
      count,
    );
  }

  /** `count` different ones, or all when there are fewer. */
  #sample<Item>(items: readonly Item[], count: number): Item[] {
    const rest = [...items];
    const chosen: Item[] = [];
    while (chosen.length < count && rest.length > 0) {
      chosen.push(...rest.splice(this.#ports.random.below(rest.length), 1));
    }
    return chosen;
  }
}

/** Whether the requester's whole vector is this node's and its root is not: sizes are equal, so it is no lag. */
function contradicts({ vector, range, root }: PullRequest, flushed: FlushedLog): boolean {
  const isWhole = range.from === everyOrigin.from && range.to === everyOrigin.to;
  if (!isWhole || vector.length !== flushed.vector.size || equalBytes(root, flushed.root())) return false;
  return vector.every(({ origin, size }) => flushed.size(origin) === size);
}

const nothing: Harvest = { segments: [], known: 0, refused: [], withheld: 0 };
const noEntries: ReadonlyMap<string, number> = new Map();
