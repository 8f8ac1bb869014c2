import { SeededRandom } from '@grapevine/shared/random.ts';
import type { MemberDigest } from '../wire/messages.ts';
import { spokenVersions } from '../wire/version.ts';
import { Membership, type MembershipOptions } from './membership.ts';

export const membershipOptions: MembershipOptions = {
  intervalMs: 200,
  suspectAfterMs: 2_000,
  deadAfterMs: 10_000,
  forgetAfterMs: 60_000,
};

/** Whoever passes on a record that is not its own. */
export const messenger = 'ee'.repeat(16);

/** The record of `node-<index>`, which started in the millisecond 1,000. */
export function record(index: number, changes: Partial<MemberDigest> = {}): MemberDigest {
  const address = { host: '127.0.0.1', port: 7_200 + index };
  return {
    name: `node-${index}`,
    origin: index.toString(16).padStart(32, '0'),
    bootEpoch: 1_000,
    incarnation: 1,
    heartbeat: 0,
    state: 'alive',
    versions: spokenVersions,
    udp: address,
    http: address,
    tls: false,
    catchingUp: false,
    ...changes,
  };
}

/** The membership of `self` that has heard of `others`. */
export function membershipOf(self: MemberDigest, ...others: MemberDigest[]): Membership {
  const membership = new Membership(self, membershipOptions, new SeededRandom(1));
  membership.merge(others, messenger, 0);
  return membership;
}

/** What `membership` holds of `node-<index>`. */
export function held(membership: Membership, index: number): MemberDigest | undefined {
  return membership.records().find(({ name }) => name === `node-${index}`);
}
