import type { Random } from '@grapevine/shared/random.ts';
import { memberBytes } from '../wire/limits.ts';
import type { MemberDigest } from '../wire/messages.ts';

export interface MembershipOptions {
  /** A member that leaves every question unanswered for so long is suspect, in milliseconds. */
  readonly suspectAfterMs: number;
  /** A suspect that neither answers nor refutes for so long is dead, in milliseconds. */
  readonly deadAfterMs: number;
}

/** Members that one node keeps, itself excluded. Beyond it, newcomers are ignored: a peer with the key cannot fill our memory. */
export const maxMembers = 4_096;

interface Member {
  digest: MemberDigest;
  /** When the first question was sent that has not been followed by a sign of life. */
  unansweredSinceMs: number | undefined;
  suspectSinceMs: number;
  /** Digests in which this record still goes first, because it changed: enough rounds to reach everybody. */
  urgency: number;
}

/**
 * Who is in the cluster, after SWIM (Das, Gupta, Motivala, 2002): every pull is also a question to a peer, and
 * suspicion, death and refutation travel as small records with the gossip.
 *
 * Of two records about one member the better one is kept, by these rules:
 * - M1: the higher incarnation wins. Only the member itself raises its incarnation.
 * - M2: at the same incarnation, `left` and `dead` win over `alive` and `suspect`, so that a late record cannot
 *   resurrect. The member refutes by raising its incarnation.
 * - M3: otherwise the higher heartbeat wins: a sign of life is newer than a suspicion that had not seen it.
 * - M4: otherwise `suspect` wins over `alive`.
 */
export class Membership {
  readonly #options: MembershipOptions;
  readonly #random: Random;
  readonly #members = new Map<string, Member>();
  readonly #nameByOrigin = new Map<string, string>();
  #self: MemberDigest;
  #digestAt = 0;

  constructor(self: MemberDigest, options: MembershipOptions, random: Random) {
    this.#self = self;
    this.#options = options;
    this.#random = random;
  }

  get self(): MemberDigest {
    return this.#self;
  }

  /** All records, this node first. */
  records(): readonly MemberDigest[] {
    return [this.#self, ...[...this.#members.values()].map((member) => member.digest)];
  }

  /** The record of whoever writes to `origin`, if it is known. */
  byOrigin(origin: string): MemberDigest | undefined {
    const name = this.#nameByOrigin.get(origin);
    return name === undefined ? undefined : this.#members.get(name)?.digest;
  }

  /** Members worth talking to: alive and suspect ones. */
  reachable(): MemberDigest[] {
    const out: MemberDigest[] = [];
    for (const { digest } of this.#members.values()) {
      if (digest.state === 'alive' || digest.state === 'suspect') out.push(digest);
    }
    return out;
  }

  /** A member that has not answered yet: it is asked again in every round until it answers or counts as suspect. */
  doubtful(): MemberDigest | undefined {
    for (const { digest, unansweredSinceMs } of this.#members.values()) {
      if (unansweredSinceMs !== undefined && digest.state === 'alive') return digest;
    }
    return undefined;
  }

  /** A random dead member: the two halves of a healed partition find each other by such questions. */
  someDead(): MemberDigest | undefined {
    const dead = [...this.#members.values()].filter(({ digest }) => digest.state === 'dead');
    return dead[this.#random.below(Math.max(1, dead.length))]?.digest;
  }

  /** One round has passed for this node itself. */
  beat(): void {
    this.#self = { ...this.#self, heartbeat: this.#self.heartbeat + 1 };
  }

  /** Says goodbye: peers stop asking this node, and do not call it dead. */
  leave(): void {
    this.#self = { ...this.#self, state: 'left' };
  }

  /** Notes a question to the member at `origin`. */
  asked(origin: string, nowMs: number): void {
    const member = this.#memberByOrigin(origin);
    if (member !== undefined) member.unansweredSinceMs ??= nowMs;
  }

  /** Notes an authenticated datagram of the member at `origin`. */
  heard(origin: string): void {
    const member = this.#memberByOrigin(origin);
    if (member !== undefined) member.unansweredSinceMs = undefined;
  }

  /** Suspects the silent and buries the suspects whose time has run out. */
  sweep(nowMs: number): void {
    for (const member of this.#members.values()) {
      const { state } = member.digest;
      const since = member.unansweredSinceMs;
      if (state === 'alive' && since !== undefined && nowMs - since > this.#options.suspectAfterMs) {
        this.#replace(member, { ...member.digest, state: 'suspect' }, nowMs);
      } else if (state === 'suspect' && nowMs - member.suspectSinceMs > this.#options.deadAfterMs) {
        this.#replace(member, { ...member.digest, state: 'dead' }, nowMs);
      }
    }
  }

  /** This process was stopped for a while: nobody's silence in that time counts against them. */
  forgive(nowMs: number): void {
    for (const member of this.#members.values()) {
      member.unansweredSinceMs = undefined;
      member.suspectSinceMs = nowMs;
    }
  }

  /** Takes in records from a peer, by the rules M1 to M4. */
  merge(digests: readonly MemberDigest[], nowMs: number): void {
    for (const digest of digests) {
      if (digest.name === this.#self.name) this.#refute(digest);
      else this.#mergeOne(digest, nowMs);
    }
  }

  /**
   * This node's record, the ones that changed lately, and a rotating part of the rest: at most `limit` records and, but for
   * this node's own, `maxBytes`. Sorted by name.
   */
  digest(limit: number, maxBytes: number): MemberDigest[] {
    const chosen = new Set([this.#self]);
    let room = maxBytes - memberBytes(this.#self);
    const choose = ({ digest }: Member): boolean => {
      if (chosen.size >= limit || memberBytes(digest) > room || chosen.has(digest)) return false;
      chosen.add(digest);
      room -= memberBytes(digest);
      return true;
    };
    const members = [...this.#members.values()];
    for (const member of members) if (member.urgency > 0 && choose(member)) member.urgency--;
    for (let i = 0; i < members.length && chosen.size < limit; i++) {
      const next = members[this.#digestAt++ % members.length];
      if (next !== undefined) choose(next);
    }
    return [...chosen].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  #refute(claim: MemberDigest): void {
    const aboutUs = claim.origin === this.#self.origin;
    if (!aboutUs || claim.state === 'alive' || this.#self.state === 'left') return;
    if (claim.incarnation >= this.#self.incarnation) {
      this.#self = { ...this.#self, incarnation: claim.incarnation + 1 };
    }
  }

  #mergeOne(digest: MemberDigest, nowMs: number): void {
    const member = this.#members.get(digest.name);
    if (member === undefined) {
      if (this.#members.size >= maxMembers) return;
      const added = { digest, unansweredSinceMs: undefined, suspectSinceMs: nowMs, urgency: this.#spread() };
      this.#members.set(digest.name, added);
      this.#nameByOrigin.set(digest.origin, digest.name);
    } else if (supersedes(digest, member.digest)) {
      const livelier = digest.heartbeat > member.digest.heartbeat || digest.incarnation > member.digest.incarnation;
      if (livelier && digest.state === 'alive') member.unansweredSinceMs = undefined;
      this.#replace(member, digest, nowMs);
    }
  }

  #replace(member: Member, digest: MemberDigest, nowMs: number): void {
    const before = member.digest;
    if (digest.state !== before.state || digest.incarnation !== before.incarnation) member.urgency = this.#spread();
    if (digest.state === 'suspect' && before.state !== 'suspect') member.suspectSinceMs = nowMs;
    if (digest.origin !== before.origin) {
      this.#nameByOrigin.delete(before.origin);
      this.#nameByOrigin.set(digest.origin, digest.name);
    }
    member.digest = digest;
  }

  /** Rounds in which news of a member goes first: 3·log2(n), after which an epidemic has reached all but surely everybody. */
  #spread(): number {
    return 3 * Math.ceil(Math.log2(this.#members.size + 2));
  }

  #memberByOrigin(origin: string): Member | undefined {
    const name = this.#nameByOrigin.get(origin);
    return name === undefined ? undefined : this.#members.get(name);
  }
}

/** Whether record `a` says something newer than record `b` about the same member (rules M1 to M4). */
function supersedes(a: MemberDigest, b: MemberDigest): boolean {
  if (a.incarnation !== b.incarnation) return a.incarnation > b.incarnation;
  const aGone = isGone(a);
  if (aGone !== isGone(b)) return aGone;
  if (a.heartbeat !== b.heartbeat) return a.heartbeat > b.heartbeat;
  return a.state === 'suspect' && b.state === 'alive';
}

function isGone(digest: MemberDigest): boolean {
  return digest.state === 'dead' || digest.state === 'left';
}
