import { compareBytes, toHex } from '@grapevine/shared/log/bytes.ts';
import type { Change, KeyRange, KeyValue, KeyValueReader, Table } from './key-value.ts';

/**
 * Changes that will be written together, over the state that they change: reads see what was put before, so that several
 * segments can be projected one after the other into one transaction. A key put many times is written once.
 */
export class Batch implements KeyValueReader {
  #base: KeyValueReader;
  /** By table, then by the key in hex, which sorts like the key. */
  readonly #changes = new Map<Table, Map<string, Change>>();

  constructor(base: KeyValueReader) {
    this.#base = base;
  }

  get(table: Table, key: Uint8Array): Uint8Array | undefined {
    const change = this.#changes.get(table)?.get(toHex(key));
    return change === undefined ? this.#base.get(table, key) : change.value;
  }

  put(table: Table, key: Uint8Array, value: Uint8Array): void {
    this.add({ table, key, value });
  }

  delete(table: Table, key: Uint8Array): void {
    this.add({ table, key, value: undefined });
  }

  add(change: Change): void {
    let ofTable = this.#changes.get(change.table);
    if (ofTable === undefined) {
      ofTable = new Map();
      this.#changes.set(change.table, ofTable);
    }
    ofTable.set(toHex(change.key), change);
  }

  *range(table: Table, range: KeyRange): Generator<KeyValue> {
    const order = range.reverse === true ? -1 : 1;
    const changed = this.#changedIn(table, range);
    let next = 0;
    for (const pair of this.#base.range(table, range)) {
      let replaced = false;
      for (let change = changed[next]; change !== undefined; change = changed[++next]) {
        const distance = compareBytes(change.key, pair[0]) * order;
        if (distance > 0) break;
        if (distance === 0) replaced = true;
        if (change.value !== undefined) yield [change.key, change.value];
      }
      if (!replaced) yield pair;
    }
    for (const { key, value } of changed.slice(next)) {
      if (value !== undefined) yield [key, value];
    }
  }

  get isEmpty(): boolean {
    return this.#changes.size === 0;
  }

  /** Stands on `base` from now on, which has come to hold the same as the old one. */
  rebase(base: KeyValueReader): void {
    this.#base = base;
  }

  *changes(): Generator<Change> {
    for (const ofTable of this.#changes.values()) yield* ofTable.values();
  }

  /** The changes inside `range`, in its direction. */
  #changedIn(table: Table, range: KeyRange): Change[] {
    const inside = [...(this.#changes.get(table)?.values() ?? [])].filter(
      ({ key }) => compareBytes(key, range.from) >= 0 && compareBytes(key, range.to) < 0,
    );
    inside.sort((a, b) => compareBytes(a.key, b.key));
    return range.reverse === true ? inside.reverse() : inside;
  }
}
