/** The tables of a node's data. Keys are ordered byte by byte; `keys.ts` says how each is made up. */
export const tables = [
  'meta',
  'heads',
  'origins',
  'segments',
  'tiles',
  'topics',
  'postings',
  'hidden',
  'runs',
  'quarantine',
  'forks',
  'retention',
] as const;

export type Table = (typeof tables)[number];

export interface KeyRange {
  /** The lowest key, inclusive. */
  readonly from: Uint8Array;
  /** The upper bound, exclusive. */
  readonly to: Uint8Array;
  /** Gives the highest key first. */
  readonly reverse?: boolean;
}

export type KeyValue = readonly [key: Uint8Array, value: Uint8Array];

export interface KeyValueReader {
  /** The value, which nobody else changes afterwards; `undefined` when there is none. */
  get(table: Table, key: Uint8Array): Uint8Array | undefined;
  /** Lazy, and of one snapshot only within one turn of the event loop: never hold an iterator over an `await`. */
  range(table: Table, range: KeyRange): Iterable<KeyValue>;
}

/** `value` undefined deletes the key. */
export interface Change {
  readonly table: Table;
  readonly key: Uint8Array;
  readonly value: Uint8Array | undefined;
}

/** An ordered store on which everything else of the node's data is built. Reads show only what has been flushed. */
export interface KeyValueStore extends KeyValueReader {
  /**
   * Applies all changes or none. Resolves when they are flushed and visible, rejects when none of them is. Calls may overlap:
   * they take effect in the order of the calls, and when one fails, so do those that were called after it and before its
   * failure was known. Keys and values must not change until then.
   */
  write(changes: Iterable<Change>): Promise<void>;
  close(): Promise<void>;
}

/** A store whose files can be read again. */
export interface Database extends KeyValueStore {
  /**
   * Lets go of the files and opens them anew, for after a failed write, whose outcome nobody knows. Nothing may be under
   * way. Throws when they are not the ones that were open.
   */
  reopen(): Promise<void>;
}
