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
import { Mutator } from './mutator.ts';

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
  readonly #mutator: Mutator;
  readonly #plaintexts: readonly Uint8Array[];
  readonly #sealer = new Sealer({ key: ring.sealing, sender: attackerOrigin, bootEpoch });
  readonly #plain = new PlainSealer(attackerOrigin);
  readonly #opener = new Opener(ring, receiverOrigin);
  readonly #reassembly = new Reassembly(reassemblyBytes);

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
    this.#mutator = new Mutator(this.#random);
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
        return { datagram: this.#mutator.flipBits(real), authentic: false };
      case 3:
        return { datagram: this.#mutator.overwrite(real, 33), authentic: false };
      case 4:
        return { datagram: this.#plain.seal(this.#pick()), authentic: false };
      default:
        return { datagram: this.#sealer.seal(this.#mutator.mutate(this.#pick(), this.#pick())), authentic: true };
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

  #count(outcome: string): void {
    this.outcomes[outcome] = (this.outcomes[outcome] ?? 0) + 1;
  }
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
