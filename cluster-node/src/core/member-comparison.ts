import { maxMemberRecords, maxPayload, membersResponseBytes } from '../wire/limits.ts';
import { everyOrigin, type MembersRequest, type MembersResponse } from '../wire/messages.ts';
import { differingMembers, memberSums } from './member-sums.ts';
import type { Membership } from './membership.ts';

/** In clusters up to this size the records in pulls come round to everybody within a few rounds; larger ones compare lists. */
const smallCluster = 16;
/**
 * Pages that one round asks for at most: a thousand records at 1,400 bytes. A longer list goes on in the next round, and a peer
 * that has page after page keeps nobody busier than that.
 */
const maxPagesPerRound = 64;

interface Question {
  readonly requestId: number;
  readonly peer: string;
}

/**
 * Anti-entropy of the member list (Demers et al., 1987): in each round a node asks one peer for records that it may lack, page
 * by page; between equal lists that is one datagram, and no answer. News of one member is quicker as a rumour, in the few
 * records that go along with pulls. But where hundreds start at once, or find each other after a partition, everybody has
 * hundreds of records to pass on, and keeps passing on the same ones while a peer lacks another.
 */
export class MemberComparison {
  readonly #membership: Membership;
  readonly #maxDatagramBytes: number;
  #question: Question | undefined;
  #lastRequestId = 0;
  /** Where the list is gone on with: a page that was lost is asked for in the next round, of another peer. */
  #from = everyOrigin.from;
  #pages = 0;

  constructor(membership: Membership, maxDatagramBytes: number) {
    this.#membership = membership;
    this.#maxDatagramBytes = maxDatagramBytes;
  }

  /** The question to `peer` in this round; undefined in a cluster that is too small to need it. */
  begin(peer: string): MembersRequest | undefined {
    this.#pages = 0;
    return this.#membership.lives().length > smallCluster ? this.#ask(peer) : undefined;
  }

  /**
   * What a message of `sender`, whose records have been taken in, is answered with: a question with one datagram of records,
   * unless the lists are equal, and records with the next question, if they answer this node's last one.
   */
  receive(message: MembersRequest | MembersResponse, sender: string): MembersRequest | MembersResponse | undefined {
    return message.type === 'members-request' ? this.#answer(message) : this.#goOn(message, sender);
  }

  #answer(request: MembersRequest): MembersResponse | undefined {
    const room = maxPayload(this.#maxDatagramBytes) - membersResponseBytes;
    const { members, next } = differingMembers(request, this.#membership.lives(), maxMemberRecords, room);
    // Silence says that the lists are equal. Where the question began further on, it would say that it was lost.
    if (members.length === 0 && request.from === everyOrigin.from) return undefined;
    const sorted = members.toSorted((a, b) => (a.name < b.name ? -1 : 1));
    return { type: 'members-response', requestId: request.requestId, next, members: sorted };
  }

  #goOn({ requestId, next }: MembersResponse, sender: string): MembersRequest | undefined {
    if (this.#question?.requestId !== requestId || this.#question.peer !== sender) return undefined;
    this.#question = undefined;
    const hasMore = next !== undefined && next > this.#from;
    this.#from = hasMore ? next : everyOrigin.from;
    return hasMore && this.#pages < maxPagesPerRound ? this.#ask(sender) : undefined;
  }

  #ask(peer: string): MembersRequest {
    this.#lastRequestId = (this.#lastRequestId + 1) % 0x1_0000_0000;
    this.#question = { requestId: this.#lastRequestId, peer };
    this.#pages++;
    const sums = memberSums(this.#membership.lives());
    return { type: 'members-request', requestId: this.#lastRequestId, from: this.#from, sums };
  }
}
