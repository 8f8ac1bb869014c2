import type { Member, MembersResponse } from '@grapevine/shared/contracts/node-api.ts';
import type { Logger } from 'pino';
import type { MembershipNotice } from './core/events.ts';
import { type Replica, supersededBy } from './core/replica.ts';
import type { MemberDigest } from './wire/messages.ts';

/** What a node knows of itself alone. */
export type OwnReport = Required<Pick<Member, 'messages' | 'catchUp' | 'quarantined' | 'mendedViews' | 'forks'>>;

/** Everybody whom `replica` knows, itself first. */
export function reportMembers(replica: Replica, own: OwnReport): readonly Member[] {
  return replica.members().map((digest, index) => ({ ...memberOf(digest, replica), ...(index === 0 ? own : {}) }));
}

/** The members, and what stands in the way of talking to others. */
export function reportMembership(replica: Replica, own: OwnReport, nowMs: number): MembersResponse {
  const { self, superseded } = replica.membership;
  return {
    self: self.name,
    members: [...reportMembers(replica, own)],
    ...(superseded === undefined ? {} : { superseded: supersededBy(superseded) }),
    incompatible: [...replica.incompatible(nowMs)],
  };
}

/** What an operator finds in the log of changes in the membership. `name` is the log's own field. */
export function logNotice(notice: MembershipNotice, log: Logger): void {
  switch (notice.kind) {
    case 'state': {
      const { name: member, state } = notice;
      log[state === 'suspect' || state === 'dead' ? 'warn' : 'info']({ member, state }, 'a member changed');
      break;
    }
    case 'outbid':
      log.warn(
        { claim: notice.claim },
        'another origin has used the name of this node, and started later by its clock',
      );
      break;
    case 'superseded':
      log.error({ by: notice.by }, `superseded: this node does not write any more, because ${supersededBy(notice.by)}`);
      break;
    case 'name-conflict': {
      const { name: member, member: origin, rival } = notice;
      log.error({ member, origin, rival }, 'two processes go by one name; the one that started later is the member');
      break;
    }
    case 'incompatible': {
      const { origin, version } = notice;
      log.error({ origin, version }, 'a node speaks a version of the protocol that this node does not');
      break;
    }
  }
}

function memberOf(digest: MemberDigest, replica: Replica): Member {
  const { name, origin, state, bootEpoch, incarnation, heartbeat, versions } = digest;
  const rival = replica.membership.rivalOf(name);
  return {
    name,
    origin,
    http: httpUrl(digest),
    udp: hostPort(digest.udp),
    state,
    bootEpoch,
    incarnation,
    heartbeat,
    versions,
    ...(rival === undefined ? {} : { rival }),
    messages: replica.messagesAt(origin),
    catchingUp: digest.catchingUp,
  };
}

/** Base URL of a member's HTTP API. */
export function httpUrl({ http, tls }: MemberDigest): string {
  return `${tls ? 'https' : 'http'}://${hostPort(http)}`;
}

function hostPort({ host, port }: MemberDigest['udp']): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
