/**
 * Makes hostile datagrams and holds what receives them to its promises. One seed is one sequence of datagrams.
 */
import assert from 'node:assert/strict';
import { decodeMessage, encodeMessage } from '@grapevine/cluster-node/wire/codec.ts';
import { Reassembly } from '@grapevine/cluster-node/wire/fragments.ts';
import { keyRingOf } from '@grapevine/cluster-node/wire/key-ring.ts';
import type { NodeMessage } from '@grapevine/cluster-node/wire/messages.ts';
import { PlainSealer } from '@grapevine/cluster-node/wire/plain.ts';
import { Opener, Sealer } from '@grapevine/cluster-node/wire/seal.ts';
import { checkSegmentContent, decodeSegment } from '@grapevine/cluster-node/wire/segment.ts';
import { DecodeError } from '@grapevine/shared/log/decode-error.ts';
import { SeededRandom } from '@grapevine/shared/random.ts';
import fc from 'fast-check';
import { messages } from './arbitrary-messages.ts';

export const attackerOrigin = '0a'.repeat(16);
export const receiverOrigin = '0b'.repeat(16);
export const ring = keyRingOf([new Uint8Array(32).fill(7)]);
const bootEpoch = 1_700_000_000_000;
const reassemblyBytes = 4 * 1024 * 1024;

export interface Case {
  readonly datagram: Uint8Array;
  /** Whether the sender holds the cluster's key and sealed it properly: then its content is all there is to refuse. */
  readonly authentic: boolean;
}

/** What became of the datagrams so far: refusals by reason, messages by type. */
export type Outcomes = Record<string, number>;

export class DatagramFuzzer {
  readonly outcomes: Outcomes = {};
  readonly #random: SeededRandom;
  readonly #plaintexts: readonly Uint8Array[];
  readonly #sealer = new Sealer({ key: ring.sealing, sender: attackerOrigin, bootEpoch });
  readonly #plain = new PlainSealer(attackerOrigin);
  readonly #opener = new Opener(ring, receiverOrigin);
  readonly #reassembly = new Reassembly(reassemblyBytes);

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
    this.#plaintexts = fc.sample(messages, { seed, numRuns: 200 }).map((message) => encodeMessage(message));
  }

  /** One more datagram: rubbish, a damaged or repeated real one, or properly sealed rubbish. */
  next(): Case {
    const real = this.#sealer.seal(this.#pick());
    switch (this.#random.below(8)) {
      case 0:
        return { datagram: this.#random.bytes(this.#random.below(1_500)), authentic: false };
      case 1:
        return { datagram: real.subarray(0, this.#random.below(real.length)), authentic: false };
      case 2:
        return { datagram: flipBits(real, this.#random), authentic: false };
      case 3:
        return { datagram: this.#overwrite(real, 33), authentic: false };
      case 4:
        return { datagram: this.#plain.seal(this.#pick()), authentic: false };
      default:
        return { datagram: this.#sealer.seal(this.#mutate(this.#pick())), authentic: true };
    }
  }

  /** Gives a datagram to the opener and everything behind it. Throws an `AssertionError` when a promise is broken. */
  check({ datagram, authentic }: Case): void {
    const opened = this.#opener.open(datagram);
    if (typeof opened === 'string') {
      assert.ok(!authentic, `an authentic datagram was refused: ${opened}`);
      this.#count(opened);
      return;
    }
    assert.ok(authentic, 'a datagram that nobody sealed was opened');
    assert.equal(this.#opener.open(datagram), 'replayed');
    const message = decodedOr(() => decodeMessage(opened.plaintext));
    this.#count(message?.type ?? 'undecodable');
    if (message === undefined) return;
    assert.deepEqual(encodeMessage(message), opened.plaintext, 'two encodings of one message');
    this.#follow(message);
  }

  /** Goes where the pieces of an answer would go. */
  #follow(message: NodeMessage): void {
    if (message.type !== 'pull-response') return;
    for (const piece of message.pieces) {
      const bytes = piece.kind === 'segment' ? piece.bytes : this.#reassembly.add(piece);
      assert.ok(this.#reassembly.heldBytes <= reassemblyBytes);
      const segment = bytes === undefined ? undefined : decodedOr(() => decodeSegment(bytes));
      if (segment === undefined) continue;
      this.#count(checkSegmentContent(segment) === undefined ? 'segments refused' : 'segments decoded');
    }
  }

  #pick(): Uint8Array {
    return this.#plaintexts[this.#random.below(this.#plaintexts.length)] ?? new Uint8Array(0);
  }

  /** Hits lengths, counts and borders more often than chance would. */
  #mutate(plaintext: Uint8Array): Uint8Array {
    switch (this.#random.below(7)) {
      case 0:
        return plaintext;
      case 1:
        return plaintext.subarray(0, this.#random.below(plaintext.length + 1));
      case 2:
        return Uint8Array.of(...plaintext, ...this.#random.bytes(1 + this.#random.below(30)));
      case 3:
        return flipBits(plaintext, this.#random);
      case 4:
        return this.#splice(plaintext, this.#pick());
      case 5:
        return this.#overwrite(plaintext, Math.min(plaintext.length, 120));
      default:
        return this.#overwrite(plaintext, plaintext.length);
    }
  }

  /** Sets one to four bytes among the first `within` to a value that is often a border. */
  #overwrite(bytes: Uint8Array, within: number): Uint8Array {
    const out = bytes.slice();
    const value = [0, 1, 0x7f, 0x80, 0xff, this.#random.below(256)][this.#random.below(6)] ?? 0;
    const at = this.#random.below(within);
    const end = at + 1 + this.#random.below(4);
    out.fill(value, at, end);
    // What was there already: the change has to be one.
    if (out[at] === bytes[at]) out[at] = (out[at] ?? 0) ^ 1;
    return out;
  }

  #splice(head: Uint8Array, tail: Uint8Array): Uint8Array {
    const at = this.#random.below(head.length);
    return Uint8Array.of(...head.subarray(0, at), ...tail.subarray(this.#random.below(tail.length)));
  }

  #count(outcome: string): void {
    this.outcomes[outcome] = (this.outcomes[outcome] ?? 0) + 1;
  }
}

function flipBits(bytes: Uint8Array, random: SeededRandom): Uint8Array {
  const out = bytes.slice();
  const first = random.below(bytes.length * 8);
  // Next to each other, so that no flip takes another one back.
  const last = first + random.below(3);
  for (let at = first; at <= last; at++) {
    if (at >> 3 < out.length) out[at >> 3] = (out[at >> 3] ?? 0) ^ (1 << (at & 7));
  }
  return out;
}

/** What `decode` answers; undefined when it refuses with the one error that decoders may throw. */
function decodedOr<Value>(decode: () => Value): Value | undefined {
  try {
    return decode();
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}
