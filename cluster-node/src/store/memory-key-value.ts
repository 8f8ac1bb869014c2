import { compareBytes } from '@grapevine/shared/log/bytes.ts';
import type { Change, Database, KeyRange, KeyValue, Table } from './key-value.ts';

interface Pending {
  readonly changes: readonly Change[];
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/**
 * An ordered store in memory with a disk that somebody else drives: while it is held, writes wait unflushed and unseen, and
 * a crash loses them. For the simulator and for tests.
 */
export class MemoryKeyValue implements Database {
  readonly #tables = new Map<Table, KeyValue[]>();
  #pending: Pending[] = [];
  #held = false;

  get(table: Table, key: Uint8Array): Uint8Array | undefined {
    const pairs = this.#pairs(table);
    const pair = pairs[lowerBound(pairs, key)];
    return pair !== undefined && compareBytes(pair[0], key) === 0 ? pair[1] : undefined;
  }

  *range(table: Table, { from, to, reverse = false }: KeyRange): Generator<KeyValue> {
    const pairs = this.#pairs(table);
    const inside = pairs.slice(lowerBound(pairs, from), lowerBound(pairs, to));
    yield* reverse ? inside.reverse() : inside;
  }

  write(changes: Iterable<Change>): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#pending.push({ changes: [...changes], resolve, reject });
    if (!this.#held) this.#flush();
    return promise;
  }

  reopen(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** Whether a write waits to be flushed. */
  get waiting(): boolean {
    return this.#pending.length > 0;
  }

  /** From now on writes stay unflushed. */
  hold(): void {
    this.#held = true;
  }

  /** Flushes what waits, in order, and everything after it at once. */
  release(): void {
    this.#held = false;
    this.#flush();
  }

  /** Fails what waits, as a full disk would. What comes later is held or flushed as before. */
  fail(reason: Error): void {
    const pending = this.#pending;
    this.#pending = [];
    for (const { reject } of pending) reject(reason);
  }

  /** The disk as a restarted process finds it. What was not flushed is gone, and nobody hears of it again. */
  crash(): MemoryKeyValue {
    this.#pending = [];
    this.#held = true;
    return this.copy();
  }

  /** Another disk with what is flushed on this one. */
  copy(): MemoryKeyValue {
    const copy = new MemoryKeyValue();
    for (const [table, pairs] of this.#tables) copy.#tables.set(table, [...pairs]);
    return copy;
  }

  #flush(): void {
    const pending = this.#pending;
    this.#pending = [];
    for (const { changes, resolve } of pending) {
      for (const change of changes) this.#apply(change);
      resolve();
    }
  }

  #apply({ table, key, value }: Change): void {
    const pairs = this.#pairs(table);
    const at = lowerBound(pairs, key);
    const found = pairs[at];
    const replaced = found !== undefined && compareBytes(found[0], key) === 0 ? 1 : 0;
    // Copies, as a disk would make them: callers reuse their buffers.
    if (value === undefined) pairs.splice(at, replaced);
    else pairs.splice(at, replaced, [key.slice(), value.slice()]);
  }

  #pairs(table: Table): KeyValue[] {
    let pairs = this.#tables.get(table);
    if (pairs === undefined) {
      pairs = [];
      this.#tables.set(table, pairs);
    }
    return pairs;
  }
}

/** Place of the first pair whose key is not below `key`. */
function lowerBound(pairs: readonly KeyValue[], key: Uint8Array): number {
  let low = 0;
  let high = pairs.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const pair = pairs[middle];
    if (pair !== undefined && compareBytes(pair[0], key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
