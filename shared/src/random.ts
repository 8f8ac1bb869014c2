/** Where chance comes from. Cores take a `Random`, so that a seed replays a run exactly. */
export interface Random {
  /** A number in [0, 1). */
  float(): number;
  /** An integer in [0, bound). `bound` is a positive integer up to 2^32. */
  below(bound: number): number;
  /** `length` fresh bytes. */
  bytes(length: number): Uint8Array;
}

/** Randomness of the operating system. Only `bytes` is fit for keys and nonces. */
export const systemRandom: Random = {
  float: () => Math.random(),
  below: (bound) => Math.floor(Math.random() * bound),
  bytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
};

/** A small, fast, reproducible generator (sfc32 by Chris Doty-Humphrey). Never for keys: the seed gives away everything. */
export class SeededRandom implements Random {
  #a = 0x9e3779b9;
  #b = 0x243f6a88;
  #c = 0xb7e15162;
  #counter: number;

  constructor(seed: number) {
    this.#counter = seed >>> 0;
    // The first outputs still show the seed's structure; twelve rounds are what the author prescribes.
    for (let round = 0; round < 12; round++) this.#next();
  }

  #next(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    this.#c |= 0;
    return sum >>> 0;
  }

  float(): number {
    return this.#next() / 0x1_0000_0000;
  }

  below(bound: number): number {
    return Math.floor(this.float() * bound);
  }

  bytes(length: number): Uint8Array {
    const out = new Uint8Array(length);
    for (let i = 0; i < length; i++) out[i] = this.#next() & 0xff;
    return out;
  }
}
