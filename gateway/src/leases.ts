/** A share in something; disposed of when it is not needed any more. */
export interface Lease<Value> extends Disposable {
  readonly value: Value;
}

interface Held<Value> {
  readonly value: Value;
  leases: number;
}

/**
 * What several configurations have in common: made for the first that wants it, closed after the last that did. So a reload
 * keeps what it does not change, with all that it has learnt.
 */
export class Leases<Value> {
  readonly #held = new Map<string, Held<Value>>();
  readonly #close: (value: Value) => void;

  constructor(close: (value: Value) => void = () => {}) {
    this.#close = close;
  }

  /** The value with this key; `make` makes it when nobody has it. */
  lease(key: string, make: () => Value): Lease<Value> {
    const held = this.#held.get(key) ?? { value: make(), leases: 0 };
    this.#held.set(key, held);
    held.leases++;
    let released = false;
    return {
      value: held.value,
      [Symbol.dispose]: () => {
        if (released) return;
        released = true;
        if (--held.leases > 0) return;
        this.#held.delete(key);
        this.#close(held.value);
      },
    };
  }

  /** What is leased now. */
  *values(): Iterable<Value> {
    for (const { value } of this.#held.values()) yield value;
  }
}
