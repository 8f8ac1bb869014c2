import type { Member, MemberState } from '@grapevine/shared/contracts/node-api.ts';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import type { Random } from '@grapevine/shared/random.ts';
import type { CopySource } from '../damage/mender.ts';
import { type PeerAccess, PeerClient } from './peer-client.ts';

/** For one segment from one peer, in milliseconds: about 1 MiB at the most. */
const deadlineMs = 10_000;
/** Peers asked for one segment before it is given up for a while. */
const maxPeers = 8;

export interface PeerSegmentsOptions {
  /** The other members. Unless one is asked for by name, those that are dead or have left are passed over. */
  readonly peers: () => readonly Member[];
  readonly access: PeerAccess;
  readonly random: Random;
}

/** Single segments from peers, in random order. */
export function peerSegments({ peers, access, random }: PeerSegmentsOptions): CopySource {
  return async function* (origin, seq, from) {
    const rest = peers().filter(({ name, state }) => (from === undefined ? isReachable(state) : name === from));
    for (let asked = 0; asked < maxPeers && rest.length > 0; asked++) {
      const [peer] = rest.splice(random.below(rest.length), 1);
      if (peer === undefined) return;
      let given = 0;
      try {
        const client = new PeerClient(peer, access, AbortSignal.timeout(deadlineMs));
        const request = { since: new Map([[origin, seq]]), origins: [origin], limitBytes: 1 };
        for await (const segments of client.segments(request)) {
          given += segments.length;
          for (const bytes of segments) yield { peer: peer.name, bytes };
        }
        if (given === 0) yield { peer: peer.name, refusal: `Node ${peer.name} does not have this segment.` };
      } catch (error) {
        if (!(error instanceof GrapevineError)) throw error;
        yield { peer: peer.name, refusal: error.message };
      }
    }
  };
}

function isReachable(state: MemberState): boolean {
  return state === 'alive' || state === 'suspect';
}
