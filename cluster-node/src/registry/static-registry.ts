import { distinctPeers, type PeerAddress, parsePeerAddress } from '@grapevine/shared/registry/peer-address.ts';
import type { PeerRegistry } from '@grapevine/shared/registry/peer-registry.ts';

/** Peers that stand in the configuration and never change. */
export class StaticRegistry implements PeerRegistry {
  readonly name = 'static registry';
  readonly #peers: readonly PeerAddress[];

  /** `peers`: `host:port` each. Throws `CONFIG_INVALID`. */
  constructor(peers: readonly string[]) {
    const source = 'node.seeds';
    this.#peers = distinctPeers(
      peers.map((peer) => parsePeerAddress(peer, source)),
      source,
    );
  }

  peers(): readonly PeerAddress[] {
    return this.#peers;
  }

  onChange(): () => void {
    return () => {};
  }

  async stop(): Promise<void> {}
}
