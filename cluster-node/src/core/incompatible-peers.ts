/** Far more than one rolling upgrade leaves behind at once. */
const maxPeers = 64;
/** Who was not heard for so long is not there any more, or speaks our version now; in milliseconds. */
const memoryMs = 60_000;

/** Holders of the cluster's key whose messages this node cannot read, because it does not speak their version. */
export class IncompatiblePeers {
  /** By origin; the one heard last is last. */
  readonly #peers = new Map<string, { readonly version: number; readonly heardMs: number }>();

  /** Notes a message; answers whether the sender is news. Whoever speaks several versions is one peer all the same. */
  note(origin: string, version: number, nowMs: number): boolean {
    const isNews = !this.#peers.delete(origin);
    this.#peers.set(origin, { version, heardMs: nowMs });
    this.#forget(nowMs);
    return isNews;
  }

  /** Those heard lately. */
  list(nowMs: number): readonly { readonly origin: string; readonly version: number }[] {
    this.#forget(nowMs);
    return [...this.#peers].map(([origin, { version }]) => ({ origin, version }));
  }

  #forget(nowMs: number): void {
    for (const [origin, { heardMs }] of this.#peers) {
      if (this.#peers.size <= maxPeers && nowMs - heardMs <= memoryMs) break;
      this.#peers.delete(origin);
    }
  }
}
