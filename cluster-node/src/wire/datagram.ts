/** What protects a message on the wire: sealed with the cluster's key (`seal.ts`), or not at all (`plain.ts`). */

/** The first byte of every datagram. */
export const plainVersion = 0;
export const sealedVersion = 1;

export interface DatagramSealer {
  /** The datagram that carries `plaintext`, `sealedOverheadBytes` longer at most. */
  seal(plaintext: Uint8Array): Uint8Array;
}

export interface DatagramOpener {
  /** Never throws: what cannot be opened is refused with a reason, to be counted and not to be answered. */
  open(datagram: Uint8Array): Opened | Refusal;
}

export interface Opened {
  /** The origin that sealed the datagram; in insecure mode, what the datagram claims. */
  readonly sender: string;
  readonly plaintext: Uint8Array;
}

export const refusals = [
  /** Not even a header and a tag. */
  'too-short',
  /** The first byte is of no version known here. */
  'unknown-version',
  /** Plain where everything is sealed, or the other way round: there is no downgrade. */
  'wrong-mode',
  /** Sealed by a key that is not in our ring: another cluster, or a rotation gone wrong. */
  'unknown-key',
  /** Altered, or made up by somebody without the key. */
  'bad-tag',
  /** Seen before, or so late that nobody can tell. */
  'replayed',
  /** From before its sender's last start. */
  'stale-epoch',
  /** Ours, come back. */
  'own',
] as const;
export type Refusal = (typeof refusals)[number];
