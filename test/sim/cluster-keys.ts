import { hash } from 'node:crypto';
import { type KeyRing, keyRingOf } from '@grapevine/cluster-node/wire/key-ring.ts';

/** The ring of the simulated cluster's keys with these numbers. */
export function clusterKeys(numbers: readonly number[]): KeyRing {
  return keyRingOf(numbers.map((number) => hash('sha256', `simulated cluster key ${number}`, 'buffer')));
}
