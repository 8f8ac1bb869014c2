/**
 * Plain datagram, for `insecure: true` only: version u8 = 0 · sender 16 · message. Nothing in it can be trusted.
 */
import { fromHex, toHex } from '@grapevine/shared/log/bytes.ts';
import {
  type DatagramOpener,
  type DatagramSealer,
  type Opened,
  plainVersion,
  type Refusal,
  sealedVersion,
} from './datagram.ts';

const headerBytes = 17;

export class PlainSealer implements DatagramSealer {
  readonly #header: Uint8Array;

  /** `sender`: this node's origin. */
  constructor(sender: string) {
    this.#header = new Uint8Array(headerBytes);
    this.#header[0] = plainVersion;
    this.#header.set(fromHex(sender), 1);
  }

  seal(plaintext: Uint8Array): Uint8Array {
    const datagram = new Uint8Array(headerBytes + plaintext.length);
    datagram.set(this.#header);
    datagram.set(plaintext, headerBytes);
    return datagram;
  }
}

export class PlainOpener implements DatagramOpener {
  readonly #own: string;

  /** `own`: this node's origin, whose datagrams are refused. */
  constructor(own: string) {
    this.#own = own;
  }

  open(datagram: Uint8Array): Opened | Refusal {
    const version = datagram[0];
    if (version === sealedVersion) return 'wrong-mode';
    if (version !== undefined && version !== plainVersion) return 'unknown-version';
    if (datagram.length < headerBytes) return 'too-short';
    const sender = toHex(datagram.subarray(1, headerBytes));
    return sender === this.#own ? 'own' : { sender, plaintext: datagram.subarray(headerBytes) };
  }
}
