import type { Random } from '@grapevine/shared/random.ts';

/** Damages bytes: hits lengths, counts and borders more often than chance would. */
export class Mutator {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  /** `bytes` as they are, cut, longer, with wrong bits or bytes, or joined with the end of `other`; always a new array. */
  mutate(bytes: Uint8Array, other: Uint8Array): Uint8Array {
    switch (this.#random.below(7)) {
      case 0:
        return bytes.slice();
      case 1:
        return bytes.slice(0, this.#random.below(bytes.length + 1));
      case 2:
        return Uint8Array.of(...bytes, ...this.#random.bytes(1 + this.#random.below(30)));
      case 3:
        return this.flipBits(bytes);
      case 4:
        return this.#splice(bytes, other);
      case 5:
        return this.overwrite(bytes, Math.min(bytes.length, 120));
      default:
        return this.overwrite(bytes, bytes.length);
    }
  }

  /** One to three bits next to each other, so that no flip takes another one back. */
  flipBits(bytes: Uint8Array): Uint8Array {
    const out = bytes.slice();
    const first = this.#random.below(bytes.length * 8);
    const last = first + this.#random.below(3);
    for (let at = first; at <= last; at++) {
      if (at >> 3 < out.length) out[at >> 3] = (out[at >> 3] ?? 0) ^ (1 << (at & 7));
    }
    return out;
  }

  /** Sets one to four bytes among the first `within` to a value that is often a border. At least one changes. */
  overwrite(bytes: Uint8Array, within: number): Uint8Array {
    const out = bytes.slice();
    const value = [0, 1, 0x7f, 0x80, 0xff, this.#random.below(256)][this.#random.below(6)] ?? 0;
    const at = this.#random.below(within);
    out.fill(value, at, at + 1 + this.#random.below(4));
    // What was there already: the change has to be one.
    if (out[at] === bytes[at]) out[at] = (out[at] ?? 0) ^ 1;
    return out;
  }

  #splice(head: Uint8Array, tail: Uint8Array): Uint8Array {
    const at = this.#random.below(head.length);
    return Uint8Array.of(...head.subarray(0, at), ...tail.subarray(this.#random.below(tail.length)));
  }
}
