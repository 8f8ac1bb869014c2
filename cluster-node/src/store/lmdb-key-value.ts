import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { type Database as LmdbDatabase, open, type RootDatabase } from 'lmdb';
import { diskTrouble } from './disk-trouble.ts';
import { type Change, type Database, type KeyRange, type KeyValue, type Table, tables } from './key-value.ts';

type BinaryDatabase = LmdbDatabase<Uint8Array, Uint8Array>;

interface OpenOptions {
  readonly readOnly: boolean;
}

const binary = { encoding: 'binary', keyEncoding: 'binary' } as const;

/** One LMDB environment (two files, `data.mdb` and `lock.mdb`) in an existing folder; one database per table. */
export class LmdbKeyValue implements Database {
  readonly #folder: string;
  readonly #options: OpenOptions;
  readonly #copies = new Copies();
  #env: RootDatabase<Uint8Array, Uint8Array> | undefined;
  /** None while the environment is closed: lmdb ends the process some time after it was read from then. */
  #databases: ReadonlyMap<Table, BinaryDatabase> = new Map();
  /** Which file was opened, whatever has its name now. */
  readonly #identity: string | undefined;
  /** Settles with the newest write. */
  #written: Promise<void> = Promise.resolve();

  private constructor(folder: string, options: OpenOptions) {
    this.#folder = folder;
    this.#options = options;
    this.#open();
    this.#identity = identityOf(folder);
  }

  /** Throws `DATA_DIR_UNUSABLE` when LMDB cannot open what is there, or nothing is there and `readOnly` is set. */
  static open(folder: string, options: OpenOptions): LmdbKeyValue {
    if (options.readOnly && !existsSync(dataFile(folder))) {
      throw new GrapevineError('DATA_DIR_UNUSABLE', `Expected a database in ${folder}, found none.`);
    }
    return new LmdbKeyValue(folder, options);
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

  write(changes: Iterable<Change>): Promise<void> {
    const all = [...changes];
    const written = this.#written.then(() => this.#commit(all));
    this.#written = written;
    return written.catch((error: unknown) => {
      // What was called meanwhile has failed with this one; what is called from here on may succeed.
      if (this.#written === written) this.#written = Promise.resolve();
      throw error;
    });
  }

  async reopen(): Promise<void> {
    this.#requireFile();
    await this.close();
    this.#open();
  }

  async close(): Promise<void> {
    const env = this.#env;
    this.#env = undefined;
    this.#databases = new Map();
    await env?.close();
  }

  #open(): void {
    const env = openEnvironment(this.#folder, this.#options);
    this.#env = env;
    this.#databases = databasesOf(env);
  }

  async #commit(changes: readonly Change[]): Promise<void> {
    // LMDB would go on in a file without a name, and nothing of it would be found at the next start.
    this.#requireFile();
    if (this.#env === undefined) throw closed();
    try {
      await this.#env.batch(() => {
        for (const { table, key, value } of changes) {
          const database = this.#database(table);
          void (value === undefined ? database.remove(key) : database.put(key, value));
        }
      });
    } catch (error) {
      throw diskTrouble(await commitErrorOf(error));
    }
  }

  #requireFile(): void {
    if (identityOf(this.#folder) === this.#identity) return;
    throw new GrapevineError('DISK_FAILED', `${dataFile(this.#folder)} was removed or replaced while it was in use.`);
  }

  #database(table: Table): BinaryDatabase {
    const database = this.#databases.get(table);
    if (database === undefined) throw closed();
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

function openEnvironment(folder: string, options: OpenOptions): RootDatabase<Uint8Array, Uint8Array> {
  try {
    return open<Uint8Array, Uint8Array>(folder, {
      ...binary,
      ...options,
      // Without overlapping sync a transaction becomes visible only after its fsync: whatever is read, is durable.
      overlappingSync: false,
      // `batch` says what belongs together. With both, lmdb makes a promise that nobody sees, and when that is rejected
      // the process ends.
      eventTurnBatching: false,
      maxDbs: tables.length,
    });
  } catch (error) {
    throw new GrapevineError('DATA_DIR_UNUSABLE', `Cannot open the database in ${folder}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

function closed(): GrapevineError {
  return new GrapevineError('UNAVAILABLE', 'The database is closed.', { retryAfterSeconds: 1 });
}

function databasesOf(env: RootDatabase<Uint8Array, Uint8Array>): ReadonlyMap<Table, BinaryDatabase> {
  return new Map(tables.map((table) => [table, env.openDB({ ...binary, name: table })]));
}

/** Everything that a database in `folder` holds is in this file. */
export function dataFile(folder: string): string {
  return join(folder, 'data.mdb');
}

/** Undefined when there is no such file. */
function identityOf(folder: string): string | undefined {
  const found = statSync(dataFile(folder), { throwIfNoEntry: false });
  return found === undefined ? undefined : `${found.dev}/${found.ino}`;
}

/** lmdb gives the reason of a failed commit as a rejected promise on the error; unless somebody takes it, the process ends. */
async function commitErrorOf(error: unknown): Promise<unknown> {
  const reason: unknown = error instanceof Error && 'commitError' in error ? error.commitError : undefined;
  return Promise.resolve(reason).then(
    () => error,
    (rejection: unknown) => rejection,
  );
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
