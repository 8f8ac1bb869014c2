import type { Member } from '@grapevine/shared/contracts/node-api.ts';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import type { Random } from '@grapevine/shared/random.ts';
import type { Logger } from 'pino';
import type { CopySource } from '../damage/scrubber.ts';
import { type PeerAccess, PeerClient } from './peer-client.ts';

/** For one segment from one peer, in milliseconds: about 1 MiB at the most. */
const deadlineMs = 10_000;
/** Peers asked for one segment before it is given up for a while. */
const maxPeers = 8;

export interface PeerSegmentsOptions {
  /** Other members that may answer. */
  readonly peers: () => readonly Member[];
  readonly access: PeerAccess;
  readonly random: Random;
  readonly log: Logger;
}

/** Single segments from peers, in random order. Those that have none to give are passed over. */
export function peerSegments({ peers, access, random, log }: PeerSegmentsOptions): CopySource {
  return async function* (origin, seq) {
    const rest = [...peers()];
    for (let asked = 0; asked < maxPeers && rest.length > 0; asked++) {
      const [peer] = rest.splice(random.below(rest.length), 1);
      if (peer === undefined) return;
      try {
        const client = new PeerClient(peer, access, AbortSignal.timeout(deadlineMs));
        const request = { since: new Map([[origin, seq]]), origins: [origin], limitBytes: 1 };
        for await (const segments of client.segments(request)) {
          for (const bytes of segments) yield { peer: peer.name, bytes };
        }
      } catch (error) {
        if (!(error instanceof GrapevineError)) throw error;
        log.warn({ peer: peer.name, reason: error.message }, 'a peer did not give a segment');
      }
    }
  };
}
