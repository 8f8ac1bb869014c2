/**
 * Sealed datagram, big-endian:
 *
 *   version u8 = 1 · key id 4 · sender 16 · boot epoch u48 · counter u48 · ciphertext · tag 16
 *
 * The AEAD is ChaCha20-Poly1305 (RFC 8439). Its nonce is the last 12 bytes of the header, boot epoch and counter; its
 * associated data is everything before them. Its key is the sender's own for that epoch: HKDF-SHA256 (RFC 5869) of the
 * cluster key with info = "grapevine-datagram-v1" ‖ sender ‖ boot epoch. So senders cannot collide in nonces, whatever their
 * counters, and every bit of the header is authenticated.
 */
import { hkdfSync } from 'node:crypto';
import { ByteReader, ByteWriter, toHex } from '@grapevine/shared/log/bytes.ts';
import { aeadOpen, aeadSeal, nonceBytes } from './aead.ts';
import {
  type DatagramOpener,
  type DatagramSealer,
  type Opened,
  plainVersion,
  type Refusal,
  sealedVersion,
} from './datagram.ts';
import type { ClusterKey, KeyRing } from './key-ring.ts';
import { sealedOverheadBytes } from './limits.ts';
import { ReplayWindow } from './replay-window.ts';

const keyIdBytes = 4;
const senderBytes = 16;
const nonceAt = 1 + keyIdBytes + senderBytes;
const headerBytes = nonceAt + nonceBytes;
const counterAt = headerBytes - 6;
const two32 = 0x1_0000_0000;
const subkeyBytes = 32;
const label = new TextEncoder().encode('grapevine-datagram-v1');

/** Counters have 48 bits; one more would use a nonce twice, which gives away plaintext and lets anybody forge tags. */
const counterLimit = 2 ** 48;

/** Far more nodes than one cluster has, restarts with lost disks included; about 500 bytes each. */
const maxSenders = 4_096;

export interface SealerOptions {
  readonly key: ClusterKey;
  /** This node's origin. */
  readonly sender: string;
  /** Milliseconds, u48. Must be greater than at every earlier start of this sender: see `claimBootEpoch`. */
  readonly bootEpoch: number;
  /** Counter of the first datagram; 0 but in tests of the end of an epoch. */
  readonly firstCounter?: number;
}

/** Seals this node's datagrams. One per sender and boot epoch: a second one would use its nonces again. */
export class Sealer implements DatagramSealer {
  readonly #sender: string;
  #key: ClusterKey;
  #epoch: number;
  #counter: number;
  #subkey: Uint8Array;
  /** Everything of a header before its counter: the same until the next epoch. */
  #prefix: Uint8Array;

  constructor({ key, sender, bootEpoch, firstCounter = 0 }: SealerOptions) {
    this.#key = key;
    this.#sender = sender;
    this.#epoch = bootEpoch;
    this.#counter = firstCounter;
    this.#subkey = deriveSubkey(key, sender, bootEpoch);
    this.#prefix = prefixOf(key, sender, bootEpoch);
  }

  /** Seals with another key from now on. Counters go on, so that receivers keep their windows. */
  use(key: ClusterKey): void {
    if (key.id === this.#key.id) return;
    this.#key = key;
    this.#derive();
  }

  seal(plaintext: Uint8Array): Uint8Array {
    if (this.#counter === counterLimit) this.#startNextEpoch();
    const datagram = new Uint8Array(plaintext.length + sealedOverheadBytes);
    datagram.set(this.#prefix);
    const view = new DataView(datagram.buffer);
    view.setUint16(counterAt, this.#counter / two32);
    view.setUint32(counterAt + 2, this.#counter % two32);
    this.#counter += 1;
    const nonce = datagram.subarray(nonceAt, headerBytes);
    const associated = datagram.subarray(0, nonceAt);
    aeadSeal(this.#subkey, nonce, associated, plaintext, datagram.subarray(headerBytes));
    return datagram;
  }

  /** One millisecond on: this takes longer than 2^48 datagrams last, so that a later start still comes after it. */
  #startNextEpoch(): void {
    this.#epoch += 1;
    this.#counter = 0;
    this.#derive();
  }

  #derive(): void {
    this.#subkey = deriveSubkey(this.#key, this.#sender, this.#epoch);
    this.#prefix = prefixOf(this.#key, this.#sender, this.#epoch);
  }
}

/** A sender of whom at least one datagram was authentic. */
interface KnownSender {
  readonly epoch: number;
  readonly keyId: string;
  readonly subkey: Uint8Array;
  readonly window: ReplayWindow;
  /** Place of its newest datagram among all that were opened. */
  heardAt: number;
}

interface Header {
  readonly keyId: string;
  readonly sender: string;
  readonly epoch: number;
  readonly counter: number;
}

/**
 * Opens what any node of the cluster sealed, each datagram once. Nothing is remembered of a datagram before its tag was
 * verified, so strangers can neither fill nor push out what is known of senders.
 *
 * After a restart the last epochs of senders are not known: a recorded datagram of an earlier epoch is taken until the
 * sender's first new one comes. Messages are made to bear that: they are pulls and news, and data proves itself.
 */
export class Opener implements DatagramOpener {
  readonly #own: string;
  #keys: ReadonlyMap<string, ClusterKey>;
  readonly #senders = new Map<string, KnownSender>();
  #opened = 0;

  /** `own`: this node's origin, whose datagrams are refused. */
  constructor(ring: KeyRing, own: string) {
    this.#own = own;
    this.#keys = new Map();
    this.use(ring);
  }

  /** Opens with the keys of this ring alone from now on. */
  use(ring: KeyRing): void {
    this.#keys = new Map(ring.opening.map((key) => [key.id, key]));
  }

  open(datagram: Uint8Array): Opened | Refusal {
    const version = datagram[0];
    if (version === plainVersion) return 'wrong-mode';
    if (version !== undefined && version !== sealedVersion) return 'unknown-version';
    if (datagram.length < sealedOverheadBytes) return 'too-short';
    return this.#openSealed(datagram, readHeader(datagram));
  }

  #openSealed(datagram: Uint8Array, header: Header): Opened | Refusal {
    const key = this.#keys.get(header.keyId);
    if (key === undefined) return 'unknown-key';
    if (header.sender === this.#own) return 'own';
    const known = this.#senders.get(header.sender);
    if (known !== undefined && header.epoch < known.epoch) return 'stale-epoch';
    if (known?.epoch === header.epoch && !known.window.isNew(header.counter)) return 'replayed';
    const isSame = known?.epoch === header.epoch && known.keyId === header.keyId;
    const subkey = isSame ? known.subkey : deriveSubkey(key, header.sender, header.epoch);
    const plaintext = decrypt(datagram, subkey);
    if (plaintext === undefined) return 'bad-tag';
    const sender = isSame ? known : this.#remember(header, subkey, known);
    sender.window.add(header.counter);
    sender.heardAt = this.#opened++;
    return { sender: header.sender, plaintext };
  }

  #remember({ sender, epoch, keyId }: Header, subkey: Uint8Array, known: KnownSender | undefined): KnownSender {
    if (known === undefined && this.#senders.size === maxSenders) this.#forgetLongestSilent();
    // A sender that changed its key within an epoch goes on counting, so that its window stays.
    const window = known?.epoch === epoch ? known.window : new ReplayWindow();
    const fresh = { epoch, keyId, subkey, window, heardAt: 0 };
    this.#senders.set(sender, fresh);
    return fresh;
  }

  #forgetLongestSilent(): void {
    const longest = [...this.#senders].reduce((a, b) => (a[1].heardAt < b[1].heardAt ? a : b));
    this.#senders.delete(longest[0]);
  }
}

function readHeader(datagram: Uint8Array): Header {
  const reader = new ByteReader(datagram.subarray(1, headerBytes));
  return {
    keyId: toHex(reader.bytes(keyIdBytes)),
    sender: toHex(reader.bytes(senderBytes)),
    epoch: reader.u48(),
    counter: reader.u48(),
  };
}

function decrypt(datagram: Uint8Array, subkey: Uint8Array): Uint8Array | undefined {
  const nonce = datagram.subarray(nonceAt, headerBytes);
  return aeadOpen(subkey, nonce, datagram.subarray(0, nonceAt), datagram.subarray(headerBytes));
}

function prefixOf(key: ClusterKey, sender: string, epoch: number): Uint8Array {
  const prefix = new ByteWriter(counterAt, counterAt);
  prefix.u8(sealedVersion);
  prefix.hex(key.id);
  prefix.hex(sender);
  prefix.u48(epoch);
  return prefix.take();
}

function deriveSubkey(key: ClusterKey, sender: string, epoch: number): Uint8Array {
  const info = new ByteWriter(label.length + senderBytes + 6);
  info.bytes(label);
  info.hex(sender);
  info.u48(epoch);
  return new Uint8Array(hkdfSync('sha256', key.secret, '', info.finish(), subkeyBytes));
}
