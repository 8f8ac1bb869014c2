import { systemClock } from '@grapevine/shared/clock.ts';
import { createLogger } from '@grapevine/shared/logging.ts';
import { nodeHeadVerifier } from '../store/ed25519.ts';
import { fastTreeHash } from '../store/fast-tree-hash.ts';
import type { LogStore } from '../store/log-store.ts';
import { type CopySource, Mender } from './mender.ts';
import { Repairs, type RepairsParts } from './repairs.ts';
import { Scrubber } from './scrubber.ts';

/** Nobody has anything to give. */
const noPeers: CopySource = async function* () {};

/** A scrubber that goes as fast as it can, once it is started. */
export function createScrubber(store: LogStore, source = noPeers): Scrubber {
  return new Scrubber({
    ...scrubbing(store, source),
    options: { bytesPerSecond: 1024 ** 3, pauseMs: 1 },
    isBusy: () => false,
  });
}

/** Repairs of a node without forks, unless others are given. */
export function createRepairs(store: LogStore, source = noPeers, parts: Partial<RepairsParts> = {}): Repairs {
  return new Repairs({ ...scrubbing(store, source), node: 'node-1', forks: () => [], adopt: notAdopted, ...parts });
}

function notAdopted(): never {
  throw new Error('There are no forks.');
}

function scrubbing(store: LogStore, source: CopySource) {
  const checks = { hash: fastTreeHash, verifier: nodeHeadVerifier };
  const log = createLogger({ name: 'test', level: 'silent' });
  const mender = new Mender({ store, checks, source, clock: systemClock, log });
  return { store, checks, mender, clock: systemClock, log };
}

/** The segments of one peer, as they lie in its store. */
export function segmentsOf(peer: LogStore): CopySource {
  return async function* (origin, seq) {
    for (const bytes of peer.segmentsFrom(origin, seq, 1)) yield { peer: 'peer', bytes };
  };
}
