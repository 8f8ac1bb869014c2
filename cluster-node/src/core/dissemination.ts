import { memberBytes } from '../wire/limits.ts';
import type { MemberDigest } from '../wire/messages.ts';

/** A member whose record changes now and then. */
export interface Subject {
  readonly digest: MemberDigest;
}

/**
 * Which member records go along with the gossip, as the dissemination component of SWIM (Das, Gupta, Motivala, 2002): news
 * first, as a rumour that stops by itself, and then everybody in turn, so that whoever missed a rumour hears of it still.
 */
export class Dissemination {
  #members: Subject[] = [];
  /** Digests in which a record still goes first. */
  readonly #news = new Map<Subject, number>();
  /** Whose turn it is. */
  #turn = 0;

  /** A new member is news in its first `digests` digests. */
  add(member: Subject, digests: number): void {
    this.#members.push(member);
    this.announce(member, digests);
  }

  /** What has changed of the member goes first in the next `digests` digests. */
  announce(member: Subject, digests: number): void {
    this.#news.set(member, digests);
  }

  remove(member: Subject): void {
    this.#members = this.#members.filter((other) => other !== member);
    this.#news.delete(member);
  }

  /** `self`, the news, and some of the rest: at most `limit` records and, but for `self`, `maxBytes`. Sorted by name. */
  digest(self: MemberDigest, limit: number, maxBytes: number): MemberDigest[] {
    const chosen = new Set([self]);
    let room = maxBytes - memberBytes(self);
    const choose = ({ digest }: Subject): boolean => {
      if (chosen.has(digest)) return true;
      if (memberBytes(digest) > room) return false;
      chosen.add(digest);
      room -= memberBytes(digest);
      return true;
    };
    for (const [member, digests] of this.#news) {
      if (chosen.size >= limit) break;
      if (!choose(member)) continue;
      if (digests > 1) this.#news.set(member, digests - 1);
      else this.#news.delete(member);
    }
    for (let looked = 0; looked < this.#members.length && chosen.size < limit; looked++) {
      const next = this.#members[this.#turn % this.#members.length];
      const isIn = next !== undefined && choose(next);
      // Whose turn it is when there is no room left begins the next digest, unless it began this one: it may never fit.
      if (!isIn && looked > 0) break;
      this.#turn++;
    }
    return [...chosen].sort((a, b) => (a.name < b.name ? -1 : 1));
  }
}
