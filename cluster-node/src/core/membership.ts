import type { Random } from '@grapevine/shared/random.ts';
import type { Address, MemberDigest } from '../wire/messages.ts';
import { areCompatible } from '../wire/version.ts';
import { Dissemination } from './dissemination.ts';
import type { MembershipNotice } from './events.ts';
import { LocalHealth } from './local-health.ts';
import { isGone, isLaterStart, isSameStart, supersedes } from './member-record.ts';

export interface MembershipOptions {
  /** Milliseconds between rounds. */
  readonly intervalMs: number;
  /** A member that leaves every question unanswered for so long is suspect, in milliseconds. */
  readonly suspectAfterMs: number;
  /** A suspect that neither answers nor refutes for so long is dead, in milliseconds; longer in large clusters. */
  readonly deadAfterMs: number;
  /** A member that has been dead, or has left, for so long is forgotten, in milliseconds. */
  readonly forgetAfterMs: number;
}

/** Members that one node keeps, itself excluded. Beyond it, newcomers are ignored: a peer with the key cannot fill our memory. */
export const maxMembers = 4_096;
/** Incarnations are 32 bits on the wire. */
const maxIncarnation = 2 ** 32 - 1;
/** No clock reads the year 6429. Boot epochs have 48 bits, and a forged one must not leave this node without a later one. */
const maxBootEpoch = 2 ** 47;
/**
 * How often a node claims a later start than another origin under its name. Once is enough against an earlier life whose
 * clock was ahead, some more against several that turn up one after the other; a live process outbids all of them.
 */
const maxBids = 3;
/** One lost datagram, or two, must not make a member suspect, however rarely it is asked. */
const leastQuestions = 3;
/** A second process of a member's name counts as there for so long after it was heard last, in milliseconds. */
const rivalMemoryMs = 60_000;

interface Member {
  digest: MemberDigest;
  /** When the first question was sent that has not been followed by a sign of life. */
  unansweredSinceMs: number | undefined;
  /** Questions since then. */
  unanswered: number;
  /** When this node first saw the member in the state that it has. */
  stateSinceMs: number;
  /** Where it was reached before it moved. A process may still be there that does not know of its successor. */
  former: Address | undefined;
}

/** A process that goes by the name of a member that started later. */
interface Rival {
  readonly origin: string;
  /** Its heartbeat when it was heard first: only one that goes on is alive, and not a late datagram of an earlier life. */
  readonly firstHeartbeat: number;
  isAlive: boolean;
  heardMs: number;
}

/** Where somebody may be found again. */
export type LostMember = Pick<MemberDigest, 'udp' | 'versions'>;

/**
 * Who is in the cluster, after SWIM (Das, Gupta, Motivala, 2002): every pull is also a question to a peer, and
 * suspicion, death and refutation travel as small records with the gossip. Which of two records about one member is kept
 * is decided by `supersedes` (rules M1 to M5).
 *
 * M6: of two processes with one name, or one origin, the one that started later is the member. The other learns of it by a
 * record that it cannot have made, and is superseded for good: it must not write any more. Where only the name is the same,
 * it may have been an earlier life, on a disk that is lost, by a clock that was ahead: so the node first claims a later start.
 */
export class Membership {
  readonly counts = { suspected: 0, refuted: 0, forgotten: 0 };
  readonly health = new LocalHealth();
  readonly #options: MembershipOptions;
  readonly #random: Random;
  readonly #members = new Map<string, Member>();
  readonly #byOrigin = new Map<string, Member>();
  readonly #dissemination = new Dissemination();
  /** By name; one each. */
  readonly #rivals = new Map<string, Rival>();
  #self: MemberDigest;
  #superseded: MemberDigest | undefined;
  #bids = 0;

  constructor(self: MemberDigest, options: MembershipOptions, random: Random) {
    this.#self = self;
    this.#options = options;
    this.#random = random;
  }

  get self(): MemberDigest {
    return this.#self;
  }

  /** The record of the later process with this node's name or origin, if there is one. */
  get superseded(): MemberDigest | undefined {
    return this.#superseded;
  }

  /** All records, this node first. */
  records(): readonly MemberDigest[] {
    return [this.#self, ...[...this.#members.values()].map((member) => member.digest)];
  }

  /** One record for each origin, this node's own first. */
  lives(): readonly MemberDigest[] {
    return [this.#self, ...[...this.#byOrigin.values()].map((member) => member.digest)];
  }

  /** The record of whoever writes to `origin`, if it is known. */
  byOrigin(origin: string): MemberDigest | undefined {
    return this.#byOrigin.get(origin)?.digest;
  }

  /** The origin of another live process that goes by `name`, if one was heard lately. */
  rivalOf(name: string): string | undefined {
    const rival = this.#rivals.get(name);
    return rival?.isAlive === true ? rival.origin : undefined;
  }

  /** Members worth talking to: alive and suspect ones that understand us. */
  reachable(): MemberDigest[] {
    const out: MemberDigest[] = [];
    for (const { digest } of this.#members.values()) if (!isGone(digest) && this.understands(digest)) out.push(digest);
    return out;
  }

  /** Whether the member has a version of the protocol in common with this node. */
  understands({ versions }: MemberDigest): boolean {
    return areCompatible(this.#self.versions, versions);
  }

  /** Members that have not answered yet: they are asked again until they answer or count as suspect. */
  doubtful(): MemberDigest[] {
    const out: MemberDigest[] = [];
    for (const { digest, unansweredSinceMs } of this.#members.values()) {
      if (unansweredSinceMs !== undefined && digest.state === 'alive') out.push(digest);
    }
    return out;
  }

  /**
   * A random member that is gone, or the place that a member has moved away from: the halves of a healed partition find each
   * other by such questions, and a process that was thought gone learns of its successor. Those that left are asked as well:
   * when all whom a node knows restart at once, they may have no seed that leads back to it.
   */
  someLost(): LostMember | undefined {
    const lost: LostMember[] = [];
    for (const { digest, former } of this.#members.values()) {
      if (isGone(digest)) lost.push(digest);
      if (former !== undefined) lost.push({ udp: former, versions: digest.versions });
    }
    return lost[this.#random.below(Math.max(1, lost.length))];
  }

  /** One round has passed for this node itself, which says whether it is far behind. */
  beat(catchingUp: boolean): void {
    this.#self = { ...this.#self, heartbeat: this.#self.heartbeat + 1, catchingUp };
  }

  /** Says goodbye: peers stop asking this node, and do not call it dead. */
  leave(): void {
    this.#self = { ...this.#self, state: 'left', heartbeat: this.#self.heartbeat + 1 };
  }

  /** Notes a question to the member at `origin`. */
  asked(origin: string, nowMs: number): void {
    const member = this.#byOrigin.get(origin);
    if (member === undefined) return;
    member.unansweredSinceMs ??= nowMs;
    member.unanswered++;
  }

  /** Notes an authenticated datagram of the member at `origin`. */
  heard(origin: string): void {
    const member = this.#byOrigin.get(origin);
    if (member !== undefined) settleQuestions(member);
  }

  /** Suspects the silent, buries the suspects whose time has run out, and forgets those that have been gone for long. */
  sweep(nowMs: number): readonly MembershipNotice[] {
    const notices: MembershipNotice[] = [];
    const deadAfterMs = this.#deadAfterMs();
    for (const member of this.#members.values()) {
      const inStateMs = nowMs - member.stateSinceMs;
      if (this.#isSilent(member, nowMs)) this.#replace(member, { ...member.digest, state: 'suspect' }, nowMs, notices);
      else if (member.digest.state === 'suspect' && inStateMs > deadAfterMs)
        this.#replace(member, { ...member.digest, state: 'dead' }, nowMs, notices);
      else if (inStateMs > this.#options.forgetAfterMs) {
        if (isGone(member.digest)) this.#forget(member);
        else member.former = undefined;
      }
    }
    for (const [name, { heardMs }] of this.#rivals) if (nowMs - heardMs > rivalMemoryMs) this.#rivals.delete(name);
    return notices;
  }

  /** This process was stopped for a while: nobody's silence in that time counts against them. */
  forgive(nowMs: number): void {
    for (const member of this.#members.values()) {
      settleQuestions(member);
      if (member.digest.state === 'suspect') member.stateSinceMs = nowMs;
    }
  }

  /** Takes in records that `sender` sent, by the rules M1 to M6. */
  merge(digests: readonly MemberDigest[], sender: string, nowMs: number): readonly MembershipNotice[] {
    const notices: MembershipNotice[] = [];
    for (const digest of digests) {
      const isOurs = digest.name === this.#self.name || digest.origin === this.#self.origin;
      const kept = isOurs ? this.#hearOfSelf(digest, notices) : this.#mergeOne(digest, nowMs, notices);
      const isRival = digest.origin === sender && digest.origin !== kept?.origin && digest.name === kept?.name;
      if (isRival) this.#hearRival(digest, kept.origin, nowMs, notices);
    }
    return notices;
  }

  /**
   * This node's record, the ones that changed lately, and a rotating part of the rest: at most `limit` records and, but for
   * this node's own, `maxBytes`. Sorted by name.
   */
  digest(limit: number, maxBytes: number): MemberDigest[] {
    return this.#dissemination.digest(this.#self, limit, maxBytes);
  }

  /** A record of this node's name or origin: ours come back, a wrong one of this life, or of another process. Answers ours. */
  #hearOfSelf(claim: MemberDigest, notices: MembershipNotice[]): MemberDigest {
    const self = this.#self;
    if (isLaterStart(claim, self)) {
      if (claim.origin !== self.origin && this.#bids < maxBids && claim.bootEpoch < maxBootEpoch) {
        this.#bids++;
        this.#self = { ...self, bootEpoch: claim.bootEpoch + 1 };
        notices.push({ kind: 'outbid', claim, bootEpoch: this.#self.bootEpoch });
        return this.#self;
      }
      if (this.#superseded === undefined) notices.push({ kind: 'superseded', by: claim });
      this.#superseded ??= claim;
    } else if (isSameStart(claim, self) && this.#mustRefute(claim)) {
      this.#self = { ...self, incarnation: claim.incarnation + 1 };
      this.health.accused();
      this.counts.refuted++;
    }
    return this.#self;
  }

  #mustRefute(claim: MemberDigest): boolean {
    const self = this.#self;
    if (this.#superseded !== undefined || self.state === 'left') return false;
    const isWrong = claim.state !== 'alive' || supersedes(claim, self);
    // At the last incarnation there is nothing to raise. Nobody gets there but by forging.
    return isWrong && claim.incarnation >= self.incarnation && claim.incarnation < maxIncarnation;
  }

  /** Answers the record that is kept now. */
  #mergeOne(digest: MemberDigest, nowMs: number, notices: MembershipNotice[]): MemberDigest | undefined {
    const member = this.#members.get(digest.name);
    if (member === undefined) {
      // The gone are not met: what one node has forgotten would come back from another for ever.
      if (!isGone(digest)) this.#add(digest, nowMs, notices);
    } else if (supersedes(digest, member.digest)) {
      if (digest.state === 'alive' && member.unansweredSinceMs !== undefined) renewQuestions(member, nowMs);
      this.#replace(member, digest, nowMs, notices);
    }
    return member?.digest;
  }

  #hearRival(digest: MemberDigest, member: string, nowMs: number, notices: MembershipNotice[]): void {
    const { name, origin, heartbeat } = digest;
    const rival = this.#rivals.get(name);
    if (rival?.origin !== origin) {
      this.#rivals.set(name, { origin, firstHeartbeat: heartbeat, isAlive: false, heardMs: nowMs });
      return;
    }
    rival.heardMs = nowMs;
    if (rival.isAlive || heartbeat <= rival.firstHeartbeat) return;
    rival.isAlive = true;
    notices.push({ kind: 'name-conflict', name, member, rival: origin });
  }

  #add(digest: MemberDigest, nowMs: number, notices: MembershipNotice[]): void {
    if (this.#members.size >= maxMembers && !this.#makeRoom()) return;
    const member: Member = {
      digest,
      unansweredSinceMs: undefined,
      unanswered: 0,
      stateSinceMs: nowMs,
      former: undefined,
    };
    this.#members.set(digest.name, member);
    this.#dissemination.add(member, this.#spread());
    this.#claimOrigin(member);
    notices.push({ kind: 'state', name: digest.name, state: digest.state });
  }

  #replace(member: Member, digest: MemberDigest, nowMs: number, notices: MembershipNotice[]): void {
    const before = member.digest;
    if (digest.state !== before.state || digest.incarnation !== before.incarnation || !isSameStart(digest, before)) {
      this.#dissemination.announce(member, this.#spread());
    }
    if (digest.state !== before.state) {
      member.stateSinceMs = nowMs;
      if (digest.state === 'suspect') this.counts.suspected++;
      notices.push({ kind: 'state', name: digest.name, state: digest.state });
    }
    if (digest.udp.host !== before.udp.host || digest.udp.port !== before.udp.port) {
      member.former = before.udp;
      member.stateSinceMs = nowMs;
    }
    member.digest = digest;
    if (isSameStart(digest, before)) return;
    this.#releaseOrigin(member, before.origin);
    this.#claimOrigin(member);
  }

  /** Of two names for one origin the later start is meant: a node that was given a new name leaves a record of the old one. */
  #claimOrigin(member: Member): void {
    const holder = this.#byOrigin.get(member.digest.origin);
    if (holder === undefined || isLaterStart(member.digest, holder.digest)) {
      this.#byOrigin.set(member.digest.origin, member);
    }
  }

  #releaseOrigin(member: Member, origin: string): void {
    if (this.#byOrigin.get(origin) === member) this.#byOrigin.delete(origin);
  }

  #forget(member: Member): void {
    this.#members.delete(member.digest.name);
    this.#dissemination.remove(member);
    this.#releaseOrigin(member, member.digest.origin);
    this.counts.forgotten++;
  }

  /** Forgets who has been gone for longest. False when nobody is gone. */
  #makeRoom(): boolean {
    const gone = [...this.#members.values()].filter(({ digest }) => isGone(digest));
    const [longest] = gone.sort((a, b) => a.stateSinceMs - b.stateSinceMs);
    if (longest !== undefined) this.#forget(longest);
    return longest !== undefined;
  }

  #isSilent({ digest, unansweredSinceMs, unanswered }: Member, nowMs: number): boolean {
    if (digest.state !== 'alive' || unansweredSinceMs === undefined || unanswered < leastQuestions) return false;
    return nowMs - unansweredSinceMs > this.#options.suspectAfterMs * this.health.multiplier;
  }

  /** A suspicion has to reach its member, and the refutation to come back, before the suspect counts as dead. */
  #deadAfterMs(): number {
    return Math.max(this.#options.deadAfterMs, 2 * this.#spread() * this.#options.intervalMs);
  }

  /** Rounds in which news of a member goes first: 3·log2(n), after which an epidemic has reached all but surely everybody. */
  #spread(): number {
    return 3 * Math.ceil(Math.log2(this.#members.size + 2));
  }
}

function settleQuestions(member: Member): void {
  member.unansweredSinceMs = undefined;
  member.unanswered = 0;
}

/** It lives, as others say, but has not answered us: the time begins anew, the questions go on. */
function renewQuestions(member: Member, nowMs: number): void {
  member.unansweredSinceMs = nowMs;
  member.unanswered = 0;
}
