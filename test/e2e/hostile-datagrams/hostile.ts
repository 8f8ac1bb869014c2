import { encodeMessage } from '@grapevine/cluster-node/wire/codec.ts';
import type { KeyRing } from '@grapevine/cluster-node/wire/key-ring.ts';
import type { Nudge } from '@grapevine/cluster-node/wire/messages.ts';
import { Sealer } from '@grapevine/cluster-node/wire/seal.ts';
import { SeededRandom } from '@grapevine/shared/random.ts';
import fc from 'fast-check';
import { messages } from '../../fuzz/arbitrary-messages.ts';

/** Origins that no node has. */
const strangerOrigin = '5a'.repeat(16);
const repeaterOrigin = '5b'.repeat(16);
/** Longer than any real one by default, and far below what UDP takes. */
const maxRandomBytes = 2_000;

/**
 * Makes datagrams that a node has to drop. The real ones among them are sealed with the cluster's own key, so that only
 * what was done to them afterwards is wrong.
 */
export class HostileDatagrams {
  readonly #random: SeededRandom;
  readonly #real: readonly Uint8Array[];
  readonly #repeater: Sealer;

  constructor(ring: KeyRing, seed: number) {
    this.#random = new SeededRandom(seed);
    const bootEpoch = Date.now();
    const sealer = new Sealer({ key: ring.sealing, sender: strangerOrigin, bootEpoch });
    this.#real = fc.sample(messages, { seed, numRuns: 300 }).map((message) => sealer.seal(encodeMessage(message)));
    this.#repeater = new Sealer({ key: ring.sealing, sender: repeaterOrigin, bootEpoch });
  }

  /** A datagram that a node takes the first time: it says nothing, so that it changes nothing and asks for no answer. */
  harmless(): Uint8Array {
    const nudge: Nudge = { type: 'nudge', heads: [] };
    return this.#repeater.seal(encodeMessage(nudge));
  }

  random(): Uint8Array {
    return this.#random.bytes(this.#random.below(maxRandomBytes));
  }

  truncated(): Uint8Array {
    const real = this.#pick();
    return real.subarray(0, this.#random.below(real.length));
  }

  /** One to four different bits are wrong. */
  bitFlipped(): Uint8Array {
    const datagram = this.#pick().slice();
    const first = this.#random.below(datagram.length * 8);
    const bits = new Set(
      Array.from({ length: 1 + this.#random.below(4) }, (_, i) => (first + i * 37) % (datagram.length * 8)),
    );
    for (const bit of bits) datagram[bit >> 3] = (datagram[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    return datagram;
  }

  #pick(): Uint8Array {
    return this.#real[this.#random.below(this.#real.length)] ?? new Uint8Array(0);
  }
}
