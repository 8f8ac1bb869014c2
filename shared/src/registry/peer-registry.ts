import type { Stoppable } from '../lifecycle.ts';
import type { PeerAddress } from './peer-address.ts';

export type PeersListener = (peers: readonly PeerAddress[]) => void;

/**
 * Where a process learns whom to talk to: a node of other nodes, the gateway of the instances of an upstream. Every address has been checked, each is there once, and there are at most
 * `maxPeers`. What its source says wrongly, or fails to say, changes nothing: the last good list stays, and the log says why.
 */
export interface PeerRegistry extends Stoppable {
  /** As they are now, in a stable order. */
  peers(): readonly PeerAddress[];
  /** Calls back with the new list after every change, and only then, until the returned function is called. */
  onChange(listener: PeersListener): () => void;
}
