/** A map that holds at most `capacity` entries and forgets the least recently used one. */
export class BoundedMap<Key, Value> {
  readonly #entries = new Map<Key, Value>();
  readonly #capacity: number;
  readonly #onEvict: (key: Key) => void;

  /** `onEvict` hears of entries that the bound pushed out, not of deleted ones. */
  constructor(capacity: number, onEvict: (key: Key) => void = () => {}) {
    this.#capacity = capacity;
    this.#onEvict = onEvict;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The value, which becomes the most recently used one. */
  get(key: Key): Value | undefined {
    const value = this.#entries.get(key);
    if (value === undefined) return undefined;
    // A Map iterates in order of insertion: to insert again is to move to the young end.
    this.#entries.delete(key);
    this.#entries.set(key, value);
    return value;
  }

  set(key: Key, value: Value): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size <= this.#capacity) return;
    const { value: oldest, done } = this.#entries.keys().next();
    if (done === true) return;
    this.#entries.delete(oldest);
    this.#onEvict(oldest);
  }

  delete(key: Key): void {
    this.#entries.delete(key);
  }
}
