import { compareAt, prefixBytes, recordBytes } from './place-record.ts';

/** Below this share of used slots, probing for a free one stays short. */
const slotsPerRecord = 2;

/** The newest records of an index, in a hash table of fixed size outside the garbage collector's sight. */
export class Memtable {
  readonly #records: Uint8Array;
  /** Open addressing: 1 + the number of a record, or 0. */
  readonly #slots: Uint16Array;
  #size = 0;

  /** `capacity`: the most records, a power of two up to 32,768, which is what a slot's 16 bits can tell apart. */
  constructor(capacity: number) {
    this.#records = new Uint8Array(capacity * recordBytes);
    this.#slots = new Uint16Array(capacity * slotsPerRecord);
  }

  get size(): number {
    return this.#size;
  }

  /** Throws `RangeError` when the table is full. */
  add(record: Uint8Array): void {
    const at = this.#size * recordBytes;
    if (at >= this.#records.length) throw new RangeError(`A memtable of ${this.#size} records is full.`);
    this.#records.set(record, at);
    this.#size += 1;
    let slot = this.#firstSlot(record);
    while (this.#slots[slot] !== 0) slot = this.#nextSlot(slot);
    this.#slots[slot] = this.#size;
  }

  /** The records that start with `prefix`. */
  find(prefix: Uint8Array): Uint8Array[] {
    const found: Uint8Array[] = [];
    for (let slot = this.#firstSlot(prefix); ; slot = this.#nextSlot(slot)) {
      const number = this.#slots[slot] ?? 0;
      if (number === 0) return found;
      const at = (number - 1) * recordBytes;
      if (compareAt(this.#records, at, prefix, 0, prefixBytes) === 0) {
        found.push(this.#records.subarray(at, at + recordBytes));
      }
    }
  }

  /** All records, one after the other, in order. */
  sorted(): Uint8Array {
    const records = this.#records;
    const order = Uint16Array.from({ length: this.#size }, (_, i) => i);
    order.sort((a, b) => compareAt(records, a * recordBytes, records, b * recordBytes, recordBytes));
    const sorted = new Uint8Array(this.#size * recordBytes);
    for (const [place, number] of order.entries()) {
      sorted.set(records.subarray(number * recordBytes, (number + 1) * recordBytes), place * recordBytes);
    }
    return sorted;
  }

  /** Records begin with a hash: any of its bytes are as good as random. */
  #firstSlot(prefix: Uint8Array): number {
    return (((prefix[0] ?? 0) << 8) | (prefix[1] ?? 0)) % this.#slots.length;
  }

  #nextSlot(slot: number): number {
    return (slot + 1) % this.#slots.length;
  }
}
