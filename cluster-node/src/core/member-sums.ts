import { maxMemberSums, memberBytes } from '../wire/limits.ts';
import type { MemberDigest, MembersRequest } from '../wire/messages.ts';
import { isGone } from './member-record.ts';

/** Members that share a sum, about: their records fill one datagram, so that one member that is missing costs no more. */
const membersPerSum = 16;

/**
 * A member list in so many sums as suits its size, each over the members whose origins begin with the same bits. A sum counts
 * each life of a member that is not gone: who is gone is forgotten at different times on different nodes, and heartbeats
 * change all the time. Origins are hashes, so that the parts are about equal and their bits serve as hashes of the members.
 *
 * Two lists with equal sums differ with a probability of 2^-32 for each part that differs. A peer can make up an origin that
 * cancels out another one: whom it hides that way is still heard of by the records in pulls.
 */
export function memberSums(members: readonly MemberDigest[]): number[] {
  let parts = 1;
  while (parts < maxMemberSums && parts * membersPerSum < members.length) parts *= 2;
  return partsOf(members, parts).map(sumOf);
}

/** Part of a member list that a peer may lack, and where to go on. */
export interface MembersPage {
  readonly members: readonly MemberDigest[];
  /** The first origin that had no room; undefined when nothing is left. */
  readonly next: string | undefined;
}

/**
 * Of `members`, those from `from` on, by origin, in the parts whose sums differ from the request's: at most `limit`, and
 * `maxBytes`. The gone as well, for the requester may not have heard that they are. Each origin occurs once in `members`.
 */
export function differingMembers(
  { from, sums }: Pick<MembersRequest, 'from' | 'sums'>,
  members: readonly MemberDigest[],
  limit: number,
  maxBytes: number,
): MembersPage {
  const page: MemberDigest[] = [];
  let room = maxBytes;
  for (const [index, part] of partsOf(members, sums.length).entries()) {
    if (sumOf(part) === sums[index]) continue;
    for (const member of part.sort(byOrigin)) {
      const bytes = memberBytes(member);
      // One that fits no datagram at all must not keep the others back.
      if (member.origin < from || bytes > maxBytes) continue;
      if (page.length === limit || bytes > room) return { members: page, next: member.origin };
      page.push(member);
      room -= bytes;
    }
  }
  return { members: page, next: undefined };
}

/** `parts` is a power of two, at most 64. */
function partsOf(members: readonly MemberDigest[], parts: number): MemberDigest[][] {
  const split: MemberDigest[][] = Array.from({ length: parts }, () => []);
  for (const member of members) {
    split[(Number.parseInt(member.origin.slice(0, 2), 16) * parts) >> 8]?.push(member);
  }
  return split;
}

/** u32. */
function sumOf(part: readonly MemberDigest[]): number {
  let sum = 0;
  for (const member of part) if (!isGone(member)) sum = (sum + lifeOf(member)) >>> 0;
  return sum;
}

/** 32 bits that differ between two lives, of one origin or of two. The factor is odd, so that every bit of the start counts. */
function lifeOf({ origin, bootEpoch }: MemberDigest): number {
  return Number.parseInt(origin.slice(8, 16), 16) ^ Math.imul(bootEpoch >>> 0, 0x9e37_79b1);
}

function byOrigin(a: MemberDigest, b: MemberDigest): number {
  return a.origin < b.origin ? -1 : 1;
}
