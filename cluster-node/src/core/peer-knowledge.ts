import type { OriginSize } from '../wire/messages.ts';

/** What one peer has said of itself. */
interface Peer {
  /** Its start when it said so; a restarted peer may hold less than it said before. */
  bootEpoch: number;
  /** Entries of this node's own origin that it has flushed. */
  held: number;
  /** Entries over all origins, from its last complete vector. */
  messages: number;
  /** Origins of which it holds more than this node has flushed. */
  readonly ahead: Map<string, number>;
}

/**
 * What peers hold, by their own word only. Kept small on purpose: how much of our own log each has (for write concerns), of
 * another log only while somebody waits for its holders, and where each is ahead of us (for pulling), not a full vector per
 * peer.
 */
export class PeerKnowledge {
  readonly #ownOrigin: string;
  readonly #peers = new Map<string, Peer>();
  /** Those that are ahead in some origin: few among many, and looked at after every event. */
  readonly #ahead = new Set<string>();
  /** The size that each peer said last of the logs that are followed. */
  readonly #followed = new Map<string, Map<string, number>>();

  constructor(ownOrigin: string) {
    this.#ownOrigin = ownOrigin;
  }

  /** Notes sizes that `peer` says it has flushed; `flushed` tells this node's own. */
  note(peer: string, bootEpoch: number, sizes: readonly OriginSize[], flushed: ReadonlyMap<string, number>): void {
    const known = this.#known(peer, bootEpoch);
    for (const { origin, size } of sizes) {
      if (origin === this.#ownOrigin) known.held = Math.max(known.held, size);
      if (this.#followed.size > 0) this.#followed.get(origin)?.set(peer, size);
      if (size > (flushed.get(origin) ?? 0)) known.ahead.set(origin, Math.max(known.ahead.get(origin) ?? 0, size));
    }
    if (known.ahead.size > 0) this.#ahead.add(peer);
  }

  /** Notes a vector that names all that `peer` holds. */
  noteTotal(peer: string, bootEpoch: number, sizes: readonly OriginSize[]): void {
    this.#known(peer, bootEpoch).messages = sizes.reduce((sum, { size }) => sum + size, 0);
  }

  /** Drops what this node has caught up with. */
  reached(origin: string, size: number): void {
    for (const peer of this.#ahead) {
      const ahead = this.aheadSizes(peer);
      if ((ahead.get(origin) ?? Number.POSITIVE_INFINITY) <= size) this.#drop(peer, origin);
    }
  }

  /** Peers that hold something which this node lacks. */
  aheadPeers(): string[] {
    return [...this.#ahead];
  }

  /** Sizes of the origins of which `peer` holds more. */
  aheadSizes(peer: string): ReadonlyMap<string, number> {
    return this.#peers.get(peer)?.ahead ?? none;
  }

  /** Some origin of which `peer` holds more. */
  aheadOrigin(peer: string): string | undefined {
    return this.#peers.get(peer)?.ahead.keys().next().value;
  }

  /** Where `peer` is ahead, and its sizes there, as it is known now. */
  aheadBy(peer: string): ReadonlyMap<string, number> {
    return new Map(this.#peers.get(peer)?.ahead);
  }

  /** Stops counting on what `peer` was known to be ahead by, but not on what it has said since. */
  retract(peer: string, known: ReadonlyMap<string, number>): void {
    const ahead = this.aheadSizes(peer);
    for (const [origin, size] of known) if (ahead.get(origin) === size) this.#drop(peer, origin);
  }

  /** Stops counting on `peer` to be ahead until it says so again: it did not answer. */
  doubt(peer: string): void {
    this.#peers.get(peer)?.ahead.clear();
    this.#ahead.delete(peer);
  }

  /**
   * Members that have flushed the first `size` entries of this node's own log. An origin that is no member's any more does not
   * count: its node has lost that disk, and says for its new one itself what that holds.
   */
  holders(size: number, isMember: (peer: string) => boolean): number {
    let count = 0;
    for (const [peer, { held }] of this.#peers) if (held >= size && isMember(peer)) count++;
    return count;
  }

  /** Remembers from now on what peers say of the logs of `origins`, which are not this node's, and of no others. */
  follow(origins: ReadonlySet<string>): void {
    for (const origin of this.#followed.keys()) if (!origins.has(origin)) this.#followed.delete(origin);
    for (const origin of origins) if (!this.#followed.has(origin)) this.#followed.set(origin, new Map());
  }

  /** Whether logs of other nodes are followed. */
  get isFollowing(): boolean {
    return this.#followed.size > 0;
  }

  /**
   * Members that have flushed the first `size` entries of a log that is followed, and that have said so since; its own node
   * has them without a word.
   */
  holdersElsewhere(origin: string, size: number, isMember: (peer: string) => boolean): number {
    let count = isMember(origin) ? 1 : 0;
    for (const [peer, held] of this.#followed.get(origin) ?? none) {
      if (peer !== origin && held >= size && isMember(peer)) count++;
    }
    return count;
  }

  messages(peer: string): number {
    return this.#peers.get(peer)?.messages ?? 0;
  }

  /** Forgets everybody who is not in `peers` any more. */
  retain(peers: ReadonlySet<string>): void {
    for (const peer of this.#peers.keys()) {
      if (peers.has(peer)) continue;
      this.#peers.delete(peer);
      this.#ahead.delete(peer);
    }
  }

  #drop(peer: string, origin: string): void {
    const ahead = this.#peers.get(peer)?.ahead;
    ahead?.delete(origin);
    if (ahead?.size === 0) this.#ahead.delete(peer);
  }

  #known(peer: string, bootEpoch: number): Peer {
    const known = this.#peers.get(peer);
    if (known !== undefined && known.bootEpoch >= bootEpoch) return known;
    const fresh = { bootEpoch, held: 0, messages: 0, ahead: new Map<string, number>() };
    this.#peers.set(peer, fresh);
    this.#ahead.delete(peer);
    return fresh;
  }
}

const none: ReadonlyMap<string, number> = new Map();
