/** A node that reaches nobody for so long after its start, in milliseconds, writes on what it has: it may be alone for good. */
const patienceMs = 2_000;

/**
 * Keeps a node from writing before it knows that its own log is complete. A disk that was put back from a backup lacks the
 * newest entries; writing now would use their sequence numbers again, and the log would fork. So peers are heard first.
 */
export class AmnesiaGuard {
  readonly #heard = new Set<string>();
  #claimed = 0;
  #deadlineMs: number | undefined;
  #isTimeUp = false;
  #isOpen: boolean;
  #hasOpened: boolean;

  /** `hasPeers`: whether there is anybody to ask. */
  constructor(hasPeers: boolean) {
    this.#isOpen = !hasPeers;
    this.#hasOpened = this.#isOpen;
  }

  /** Whether the node may write. Once true it stays true until `close`: nobody else writes this log. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Whether it was ever open. */
  get hasOpened(): boolean {
    return this.#hasOpened;
  }

  /**
   * This process was stopped for a while, and a copy of it may have been started meanwhile. Peers are heard again before
   * anything is written.
   */
  close(): void {
    this.#heard.clear();
    this.#claimed = 0;
    this.#deadlineMs = undefined;
    this.#isTimeUp = false;
    this.#isOpen = false;
  }

  /** When it wants to be looked at again; after its time is up, only a commit can change the answer. */
  get deadlineMs(): number {
    return this.#isOpen || this.#isTimeUp ? Number.POSITIVE_INFINITY : (this.#deadlineMs ?? Number.NEGATIVE_INFINITY);
  }

  /** `peer` has said that it holds the first `size` entries of this node's own log. */
  claim(peer: string, size: number): void {
    this.#heard.add(peer);
    this.#claimed = Math.max(this.#claimed, size);
  }

  /** Looks again: open once everybody who can be reached was heard, or time is up, and nobody holds more than `ownSize`. */
  review(ownSize: number, reachable: readonly string[], nowMs: number): void {
    if (this.#isOpen) return;
    this.#deadlineMs ??= nowMs + patienceMs;
    this.#isTimeUp ||= nowMs >= this.#deadlineMs;
    const allHeard = reachable.length > 0 && reachable.every((peer) => this.#heard.has(peer));
    this.#isOpen = ownSize >= this.#claimed && (allHeard || this.#isTimeUp);
    this.#hasOpened ||= this.#isOpen;
  }
}
