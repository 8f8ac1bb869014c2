interface Entry<Value> {
  value: Value;
  /** Used since it was last passed over. */
  used: boolean;
}

/**
 * A map that holds at most `capacity` entries. The one to go is the oldest that was not used since its turn last came: one
 * that was gets another turn at the young end ("second chance", Corbató 1968). Unlike with exact order of use, reading
 * moves nothing.
 */
export class BoundedMap<Key, Value> {
  readonly #entries = new Map<Key, Entry<Value>>();
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

  /** All of them, which does not count as use. */
  *values(): Iterable<Value> {
    for (const { value } of this.#entries.values()) yield value;
  }

  /** The value, which counts as used. */
  get(key: Key): Value | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    entry.used = true;
    return entry.value;
  }

  set(key: Key, value: Value): void {
    const entry = this.#entries.get(key);
    if (entry !== undefined) {
      entry.value = value;
      entry.used = true;
      return;
    }
    this.#entries.set(key, { value, used: false });
    if (this.#entries.size > this.#capacity) this.#evict(key);
  }

  delete(key: Key): void {
    this.#entries.delete(key);
  }

  #evict(newest: Key): void {
    for (const [key, entry] of this.#entries) {
      // A Map iterates in order of insertion: to insert again is to move to the young end, where this comes by again.
      if (key === newest && this.#capacity > 0) continue;
      this.#entries.delete(key);
      if (!entry.used) {
        this.#onEvict(key);
        return;
      }
      entry.used = false;
      this.#entries.set(key, entry);
    }
  }
}
