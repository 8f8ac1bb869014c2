import { hlcMs } from '@grapevine/shared/log/hlc.ts';
import { type Segment, segmentFirstHlc } from '../wire/segment.ts';
import type { Now } from './ports.ts';

/**
 * How long others are asked for bodies that retention does not explain, in milliseconds, before it is taken that nobody has
 * them: some rounds of gossip, in which every peer that is ahead gets its turn.
 */
const patienceMs = 10_000;
/** Whoever has waited goes on without waiting again until nothing has been offered for so long, in milliseconds. */
const forgetAfterMs = 60_000;
/** Origins that are waited for at once; beyond, the one that was offered least lately starts over. */
const maxWaiting = 1_024;

/** An origin of which segments without bodies were offered. */
interface Offered {
  readonly sinceMs: number;
  lastMs: number;
}

/**
 * Decides whether a segment with erased entries is taken from a peer. Its hashes prove that nothing in it is invented, not
 * that nobody has the bodies any more: a peer could withhold them, and who had taken its word would count as one that holds
 * the messages. Taken is
 * - what every node has the right to erase: entries older than the smallest age in this node's own rules;
 * - what the node itself sends that wrote them;
 * - while that node cannot be reached, what nobody gave in full within `patienceMs`: it has to go on somehow.
 */
export class ErasureGuard {
  readonly #smallestAgeMs: number;
  readonly #isReachable: (origin: string) => boolean;
  readonly #offered = new Map<string, Offered>();
  #now: Now = { wallMs: 0, monotonicMs: 0 };

  /** `smallestAgeMs`: infinite when no rule names an age. `isReachable`: whether the node of that origin is. */
  constructor(smallestAgeMs: number, isReachable: (origin: string) => boolean) {
    this.#smallestAgeMs = smallestAgeMs;
    this.#isReachable = isReachable;
  }

  /** The time of what is decided next. */
  advance(now: Now): void {
    this.#now = now;
  }

  /** Whether a segment, checked otherwise, may be taken from `sender`, an origin. */
  allows(segment: Segment, sender: string): boolean {
    const last = segment.records.findLastIndex(({ kind }) => kind === 'erased');
    if (last === -1 || segment.origin === sender) return true;
    const ageMs = this.#now.wallMs - hlcMs(segmentFirstHlc(segment) + BigInt(last));
    return ageMs > this.#smallestAgeMs || this.#hasWaited(segment.origin);
  }

  #hasWaited(origin: string): boolean {
    if (this.#isReachable(origin)) return false;
    const nowMs = this.#now.monotonicMs;
    const known = this.#offered.get(origin);
    const isFresh = known === undefined || nowMs - known.lastMs > forgetAfterMs;
    const offered = isFresh ? { sinceMs: nowMs, lastMs: nowMs } : known;
    offered.lastMs = nowMs;
    // Behind all others: the first is the one that was offered least lately.
    this.#offered.delete(origin);
    this.#offered.set(origin, offered);
    const [oldest] = this.#offered.keys();
    if (this.#offered.size > maxWaiting && oldest !== undefined) this.#offered.delete(oldest);
    return nowMs - offered.sinceMs >= patienceMs;
  }
}
