import type { MemberDigest, MemberState } from '../wire/messages.ts';

/** Later states win over earlier ones at the same heartbeat: bad news is news, and `left` is the member's own last word. */
const ranks: Readonly<Record<MemberState, number>> = { alive: 0, suspect: 1, dead: 2, left: 3 };

/**
 * Whether record `a` wins over record `b` of the same name. The rules make a total order, so that nodes that have seen the
 * same records keep the same one, in whatever order the records came, and however often.
 *
 * - M1: the later start wins (`isLaterStart`).
 * - M2: the higher incarnation wins. Only the member itself raises its incarnation.
 * - M3: the higher heartbeat wins: a sign of life is newer than a suspicion, or a death, that had not seen it. So a node that
 *   was cut off and took everybody for dead convinces nobody, and what is replayed is too old to bring back the dead.
 * - M4: then `left` wins over `dead`, `dead` over `suspect`, `suspect` over `alive`.
 * - M5: what still differs was not said by one member. The greater text wins, so that all agree.
 */
export function supersedes(a: MemberDigest, b: MemberDigest): boolean {
  if (!isSameStart(a, b)) return isLaterStart(a, b);
  if (a.incarnation !== b.incarnation) return a.incarnation > b.incarnation;
  if (a.heartbeat !== b.heartbeat) return a.heartbeat > b.heartbeat;
  if (a.state !== b.state) return ranks[a.state] > ranks[b.state];
  return restOf(a) > restOf(b);
}

/**
 * Whether `a` speaks of a process that started after that of `b`. Of two origins that started in the same millisecond the
 * greater one counts as later.
 */
export function isLaterStart(a: MemberDigest, b: MemberDigest): boolean {
  return a.bootEpoch === b.bootEpoch ? a.origin > b.origin : a.bootEpoch > b.bootEpoch;
}

export function isSameStart(a: MemberDigest, b: MemberDigest): boolean {
  return a.bootEpoch === b.bootEpoch && a.origin === b.origin;
}

/** Whether nobody expects anything of the member any more. */
export function isGone({ state }: MemberDigest): boolean {
  return state === 'dead' || state === 'left';
}

function restOf({ versions, udp, http, tls, catchingUp }: MemberDigest): string {
  return [versions.lowest, versions.highest, udp.host, udp.port, http.host, http.port, tls, catchingUp].join(' ');
}
