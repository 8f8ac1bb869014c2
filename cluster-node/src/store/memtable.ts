import { compareAt, copyRecord, type Place, prefixBytes, recordBytes, writeRecord } from './place-record.ts';

/** Below this share of used slots, probing for a free one stays short. */
const slotsPerRecord = 2;
/** Above every record number. */
const numbers = 0x1_0000;

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

  /** Adds the record of `hash`; throws `RangeError` when the table is full. */
  add(hash: Uint8Array, place: Place): void {
    const at = this.#size * recordBytes;
    if (at >= this.#records.length) throw new RangeError(`A memtable of ${this.#size} records is full.`);
    writeRecord(this.#records, at, hash, place);
    this.#size += 1;
    let slot = this.#firstSlot(hash);
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
    const order = this.#roughOrder();
    const sorted = new Uint8Array(this.#size * recordBytes);
    order.forEach((number, place) => {
      let at = place * recordBytes;
      // Insertion: hardly ever moves anything, since few records agree in as many bits as the rough order looks at.
      while (at > 0 && compareAt(sorted, at - recordBytes, this.#records, number * recordBytes, recordBytes) > 0) {
        sorted.copyWithin(at, at - recordBytes, at);
        at -= recordBytes;
      }
      copyRecord(this.#records, number * recordBytes, sorted, at);
    });
    return sorted;
  }

  /**
   * Record numbers in the order of the records' first 32 bits. Bits and number share one float, so that the engine sorts
   * plain numbers, ten times faster than with a function that compares.
   */
  #roughOrder(): Float64Array {
    const order = new Float64Array(this.#size);
    const view = new DataView(this.#records.buffer);
    for (let number = 0; number < order.length; number++) {
      order[number] = view.getUint32(number * recordBytes) * numbers + number;
    }
    order.sort();
    return order.map((key) => key % numbers);
  }

  /** Records begin with a hash: any of its bytes are as good as random. */
  #firstSlot(prefix: Uint8Array): number {
    return (((prefix[0] ?? 0) << 8) | (prefix[1] ?? 0)) % this.#slots.length;
  }

  #nextSlot(slot: number): number {
    return (slot + 1) % this.#slots.length;
  }
}
