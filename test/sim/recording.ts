interface Recorded {
  readonly atMs: number;
  /** The sender's port. */
  readonly from: number;
  readonly bytes: Uint8Array;
}

/** Enough for some rounds of a small cluster, and little memory. */
const keptPerNode = 256;

/** The datagrams that each node was sent lately, for whoever wants to send them again. */
export class Recording {
  readonly #kept = new Map<number, Recorded[]>();

  note(to: number, atMs: number, from: number, bytes: Uint8Array): void {
    const kept = this.#kept.get(to) ?? [];
    this.#kept.set(to, kept);
    kept.push({ atMs, from, bytes });
    if (kept.length > keptPerNode) kept.shift();
  }

  /** At most `count` of those that node `to` was sent up to `untilMs`, the newest ones. */
  before(to: number, untilMs: number, count: number): readonly Recorded[] {
    return (this.#kept.get(to) ?? []).filter(({ atMs }) => atMs <= untilMs).slice(-count);
  }
}
