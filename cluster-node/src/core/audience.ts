/** Up to so many peers hear of a local commit directly; in larger clusters `wideFanout` random ones pass it on. */
const smallCluster = 16;
const wideFanout = 8;
/** Up to so many members tell an origin when they have flushed its entries, which acknowledges them; beyond, its next pulls do. */
const ackingCluster = 64;

/**
 * How many of `reachable` peers a node nudges after a commit, with entries of its own or with others' alone.
 *
 * Rumours that everybody passes on to ln(n) + c random peers reach all n with probability e^-e^-c (Kermarrec, Massoulié,
 * Ganesh, 2003): 87 % for 2, and what is missed then is missed by a node or two, for rounds to find. With 2 in all, a fifth of
 * the nodes would hear nothing.
 */
export function audienceSize(reachable: number, hasOwn: boolean, fanout: number): number {
  if (reachable <= smallCluster) return hasOwn ? reachable : fanout;
  return hasOwn ? wideFanout : Math.max(fanout, Math.ceil(Math.log(reachable)) + 2);
}

/** Whether each member tells an origin by a nudge of its own that it has flushed its entries. */
export function acknowledgesByNudge(reachable: number): boolean {
  return reachable <= ackingCluster;
}
