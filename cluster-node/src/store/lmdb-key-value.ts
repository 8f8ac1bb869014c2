import { existsSync } from 'node:fs';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { type Database, open, type RootDatabase } from 'lmdb';
import { type Change, type KeyRange, type KeyValue, type KeyValueStore, type Table, tables } from './key-value.ts';

type BinaryDatabase = Database<Uint8Array, Uint8Array>;

const binary = { encoding: 'binary', keyEncoding: 'binary' } as const;

/** One LMDB environment (two files, `data.mdb` and `lock.mdb`) in an existing folder; one database per table. */
export class LmdbKeyValue implements KeyValueStore {
  readonly #env: RootDatabase<Uint8Array, Uint8Array>;
  readonly #databases: ReadonlyMap<Table, BinaryDatabase>;
  readonly #copies = new Copies();

  private constructor(env: RootDatabase<Uint8Array, Uint8Array>) {
    this.#env = env;
    this.#databases = new Map(tables.map((table) => [table, env.openDB({ ...binary, name: table })]));
  }

  /** Throws `DATA_DIR_UNUSABLE` when LMDB cannot open what is there, or nothing is there and `readOnly` is set. */
  static open(folder: string, options: { readonly readOnly: boolean }): LmdbKeyValue {
    if (options.readOnly && !existsSync(`${folder}/data.mdb`)) {
      throw new GrapevineError('DATA_DIR_UNUSABLE', `Expected a database in ${folder}, found none.`);
    }
    try {
      // Without overlapping sync a transaction becomes visible only after its fsync: whatever is read, is durable.
      const env = open<Uint8Array, Uint8Array>(folder, {
        ...binary,
        ...options,
        overlappingSync: false,
        // `batch` says what belongs together. With both, lmdb makes a promise that nobody sees, and when that is rejected
        // the process ends.
        eventTurnBatching: false,
        maxDbs: tables.length,
      });
      return new LmdbKeyValue(env);
    } catch (error) {
      throw new GrapevineError('DATA_DIR_UNUSABLE', `Cannot open the database in ${folder}: ${messageOf(error)}`, {
        cause: error,
      });
    }
  }

  get(table: Table, key: Uint8Array): Uint8Array | undefined {
    const temporary = this.#database(table).getBinaryFast(key);
    return temporary === undefined ? undefined : this.#copies.copy(temporary);
  }

  *range(table: Table, { from, to, reverse = false }: KeyRange): Generator<KeyValue> {
    const bounds = reverse
      ? { start: to, exclusiveStart: true, end: from, inclusiveEnd: true, reverse }
      : { start: from, end: to };
    for (const { key, value } of this.#database(table).getRange(bounds)) yield [key, value];
  }

  async write(changes: Iterable<Change>): Promise<void> {
    try {
      await this.#env.batch(() => {
        for (const { table, key, value } of changes) {
          const database = this.#database(table);
          void (value === undefined ? database.remove(key) : database.put(key, value));
        }
      });
    } catch (error) {
      throw await commitErrorOf(error);
    }
  }

  async close(): Promise<void> {
    await this.#env.close();
  }

  #database(table: Table): BinaryDatabase {
    const database = this.#databases.get(table);
    if (database === undefined) throw new RangeError(`There is no table ${table}.`);
    return database;
  }
}

/** A page of LMDB. Larger values, which may stay in memory for long, get memory of their own. */
const sharedBytes = 4096;
const poolBytes = 64 * sharedBytes;

/** Copies of values that LMDB lends until the next read. Small ones share memory: a buffer for each costs more than reading. */
class Copies {
  #pool = new Uint8Array(0);
  #used = 0;

  copy(bytes: Buffer): Uint8Array {
    const { length } = bytes;
    if (length > sharedBytes) {
      const own = Buffer.allocUnsafeSlow(length);
      bytes.copy(own, 0, 0, length);
      return own;
    }
    if (this.#used + length > this.#pool.length) {
      this.#pool = new Uint8Array(poolBytes);
      this.#used = 0;
    }
    bytes.copy(this.#pool, this.#used, 0, length);
    this.#used += length;
    return this.#pool.subarray(this.#used - length, this.#used);
  }
}

/** lmdb gives the reason of a failed commit as a rejected promise on the error; unless somebody takes it, the process ends. */
async function commitErrorOf(error: unknown): Promise<Error> {
  const reason: unknown = error instanceof Error && 'commitError' in error ? error.commitError : undefined;
  const cause = await Promise.resolve(reason).then(
    () => error,
    (rejection: unknown) => rejection,
  );
  return new GrapevineError('UNAVAILABLE', `The store did not take the write: ${messageOf(cause)}`, { cause });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
