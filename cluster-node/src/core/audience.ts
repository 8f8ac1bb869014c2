/** Up to so many peers hear of a local commit directly; in larger clusters `wideFanout` random ones pass it on. */
const smallCluster = 16;
const wideFanout = 8;
/** Up to so many members tell an origin when they have flushed its entries, which acknowledges them; beyond, its next pulls do. */
const ackingCluster = 64;

/**
 * In a small cluster the origin tells everybody itself, so that what others pass on only stands in for its lost nudges. While
 * news keeps coming that is needed this seldom, in milliseconds: the next nudge says all that a lost one did.
 */
const passOnEveryMs = 50;

/** How many peers a node nudges after a commit. */
export class Audience {
  readonly #fanout: number;
  #passedOnMs = Number.NEGATIVE_INFINITY;

  constructor(fanout: number) {
    this.#fanout = fanout;
  }

  /**
   * How many of `reachable` peers to nudge now, with entries of this node's own or with others' alone.
   *
   * Rumours that everybody passes on to ln(n) + c random peers reach all n with probability e^-e^-c (Kermarrec, Massoulié,
   * Ganesh, 2003): 87 % for 2, and what is missed then is missed by a node or two, for rounds to find. With 2 in all, a fifth
   * of the nodes would hear nothing.
   */
  size(reachable: number, hasOwn: boolean, nowMs: number): number {
    if (reachable > smallCluster) {
      return hasOwn ? wideFanout : Math.max(this.#fanout, Math.ceil(Math.log(reachable)) + 2);
    }
    if (hasOwn) return reachable;
    if (nowMs - this.#passedOnMs < passOnEveryMs) return 0;
    this.#passedOnMs = nowMs;
    return this.#fanout;
  }
}

/** Whether each member tells an origin by a nudge of its own that it has flushed its entries. */
export function acknowledgesByNudge(reachable: number): boolean {
  return reachable <= ackingCluster;
}
