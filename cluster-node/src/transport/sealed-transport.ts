import { DecodeError } from '@grapevine/shared/log/decode-error.ts';
import { decodeMessage, encodeMessage } from '../wire/codec.ts';
import type { DatagramOpener, DatagramSealer, Refusal } from '../wire/datagram.ts';
import { maxPayload } from '../wire/limits.ts';
import type { Address, NodeMessage } from '../wire/messages.ts';
import { speaks, spokenVersions, type VersionRange } from '../wire/version.ts';
import type { Transport } from './transport.ts';

/** `sender` is the origin that sealed the message, `from` where it came from. */
export type MessageListener = (message: NodeMessage, sender: string, from: Address) => void;

/** `version` is one that this node does not speak. */
export type ForeignVersionListener = (version: number, sender: string) => void;

export interface SealedOptions {
  readonly transport: Transport;
  readonly sealer: DatagramSealer;
  readonly opener: DatagramOpener;
  /** Largest datagram that is sent; larger ones are still received. */
  readonly maxDatagramBytes: number;
  /** Versions of the protocol that are understood; those of this code when absent. */
  readonly versions?: VersionRange;
}

/** Why a datagram that arrived was dropped: it could not be opened, or what was in it was no message of our versions. */
export type DropReason = Refusal | 'incompatible' | 'undecodable';

/** Counts since the start, for metrics. A reason or type that never occurred has no member. */
export interface MessageCounts {
  readonly sent: Partial<Record<NodeMessage['type'], number>>;
  readonly received: Partial<Record<NodeMessage['type'], number>>;
  readonly dropped: Partial<Record<DropReason, number>>;
  /** Not sent because it did not fit `maxDatagramBytes`. */
  readonly oversized: Partial<Record<NodeMessage['type'], number>>;
}

/** Messages over datagrams. What cannot be opened and decoded is counted, dropped and never answered. */
export class SealedTransport {
  readonly counts: MessageCounts = { sent: {}, received: {}, dropped: {}, oversized: {} };
  readonly #transport: Transport;
  readonly #sealer: DatagramSealer;
  readonly #opener: DatagramOpener;
  readonly #maxPayload: number;
  readonly #versions: VersionRange;
  #onForeignVersion: ForeignVersionListener = () => {};

  constructor({ transport, sealer, opener, maxDatagramBytes, versions = spokenVersions }: SealedOptions) {
    this.#transport = transport;
    this.#sealer = sealer;
    this.#opener = opener;
    this.#maxPayload = maxPayload(maxDatagramBytes);
    this.#versions = versions;
  }

  get address(): Address {
    return this.#transport.address;
  }

  /**
   * A message that does not fit a datagram is counted and not sent: it is a defect of whoever built it, but one that depends on
   * how long the names of members are, and a crash would travel from node to node with them. Throws `RangeError` or
   * `DecodeError` for a message that breaks any other bound of the protocol.
   */
  send(to: Address, message: NodeMessage, version: number = this.#versions.highest): void {
    const plaintext = encodeMessage(message, version);
    if (plaintext.length > this.#maxPayload) {
      increment(this.counts.oversized, message.type);
      return;
    }
    increment(this.counts.sent, message.type);
    this.#transport.send(to, this.#sealer.seal(plaintext));
  }

  /** Replaces the listener before it. */
  onMessage(listener: MessageListener): void {
    this.#transport.onDatagram((datagram, from) => {
      const opened = this.#opener.open(datagram);
      if (typeof opened === 'string') {
        increment(this.counts.dropped, opened);
        return;
      }
      const [version] = opened.plaintext;
      if (version !== undefined && !speaks(this.#versions, version)) {
        increment(this.counts.dropped, 'incompatible');
        this.#onForeignVersion(version, opened.sender);
        return;
      }
      const message = decodeOrUndefined(opened.plaintext, this.#versions);
      if (message === undefined) {
        increment(this.counts.dropped, 'undecodable');
        return;
      }
      increment(this.counts.received, message.type);
      listener(message, opened.sender, from);
    });
  }

  /** Replaces the listener before it. */
  onForeignVersion(listener: ForeignVersionListener): void {
    this.#onForeignVersion = listener;
  }

  close(): Promise<void> {
    return this.#transport.close();
  }
}

function decodeOrUndefined(plaintext: Uint8Array, versions: VersionRange): NodeMessage | undefined {
  try {
    return decodeMessage(plaintext, versions);
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

function increment<Key extends string>(counts: Partial<Record<Key, number>>, key: Key): void {
  counts[key] = (counts[key] ?? 0) + 1;
}
