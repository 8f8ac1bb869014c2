import { systemClock } from '@grapevine/shared/clock.ts';
import { createLogger } from '@grapevine/shared/logging.ts';
import { nodeHeadVerifier } from '../store/ed25519.ts';
import { fastTreeHash } from '../store/fast-tree-hash.ts';
import type { LogStore } from '../store/log-store.ts';
import { type CopySource, Scrubber } from './scrubber.ts';

/** Nobody has anything to give. */
const noPeers: CopySource = async function* () {};

/** A scrubber that goes as fast as it can, once it is started. */
export function createScrubber(store: LogStore, source = noPeers): Scrubber {
  return new Scrubber({
    store,
    checks: { hash: fastTreeHash, verifier: nodeHeadVerifier },
    source,
    options: { bytesPerSecond: 1024 ** 3, pauseMs: 1 },
    clock: systemClock,
    log: createLogger({ name: 'test', level: 'silent' }),
    isBusy: () => false,
  });
}

/** The segments of one peer, as they lie in its store. */
export function segmentsOf(peer: LogStore): CopySource {
  return async function* (origin, seq) {
    for (const bytes of peer.segmentsFrom(origin, seq, 1)) yield { peer: 'peer', bytes };
  };
}
