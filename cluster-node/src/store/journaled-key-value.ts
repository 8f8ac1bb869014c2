import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { ByteReader, ByteWriter } from '@grapevine/shared/log/bytes.ts';
import { Batch } from './batch.ts';
import { changesLength, decodeChanges, encodeChanges } from './changes.ts';
import { readStored } from './damage.ts';
import { createJournal, JournalWriter, maxPayloadBytes, readJournal } from './journal.ts';
import type { Change, KeyRange, KeyValue, KeyValueReader, KeyValueStore, Table } from './key-value.ts';
import { metaKey } from './keys.ts';

/** How long journalled changes may wait for the database, in milliseconds: the longer, the more of them replace each other. */
const applyDelayMs = 50;
/** Changes of this many bytes are applied at once: a small part of the journal, so that writers seldom wait for room in it. */
const applyBytes = 1024 * 1024;

/** In the database: the newest record of the journal that is in it. */
const appliedKey = metaKey('journal');

/**
 * A database behind a journal. What is written is durable and visible once it is in the journal; the database takes it over
 * a little later, many writes in one transaction. A crash leaves the database as after some earlier transaction, and the
 * journal with all that came since.
 */
export class JournaledKeyValue implements KeyValueStore {
  readonly #database: KeyValueStore;
  readonly #journal: JournalWriter;
  /** In the journal only, over what is being applied. */
  #waiting: Batch;
  #waitingBytes = 0;
  #applied: number;
  #applying: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #broken: GrapevineError | undefined;

  private constructor(database: KeyValueStore, journal: JournalWriter) {
    this.#database = database;
    this.#journal = journal;
    this.#waiting = new Batch(database);
    this.#applied = journal.newest;
  }

  /** Brings the database up to date with the journal in `folder`, which is made for an empty database. Throws `DATA_DAMAGED`. */
  static async open(database: KeyValueStore, folder: string): Promise<JournaledKeyValue> {
    const applied = appliedIn(database);
    if (applied === undefined) {
      createJournal(folder);
      await database.write([appliedChange(0)]);
      return new JournaledKeyValue(database, new JournalWriter(folder, 0));
    }
    const records = readJournal(folder, applied);
    for (const { sequence, payload } of records) {
      await database.write([...decodeRecord(payload), appliedChange(sequence)]);
    }
    return new JournaledKeyValue(database, new JournalWriter(folder, applied + records.length));
  }

  get(table: Table, key: Uint8Array): Uint8Array | undefined {
    return this.#waiting.get(table, key);
  }

  range(table: Table, range: KeyRange): Iterable<KeyValue> {
    return this.#waiting.range(table, range);
  }

  async write(changes: Iterable<Change>): Promise<void> {
    if (this.#broken !== undefined) throw this.#broken;
    try {
      await this.#append([...changes]);
    } catch (error) {
      throw this.#breakWith(error);
    }
  }

  /** Waits until everything is in the database, unless that has failed before, and closes. */
  async close(): Promise<void> {
    try {
      await this.#applyAll();
    } catch {
      // The next start finds in the journal what the database did not take.
    } finally {
      clearTimeout(this.#timer);
      this.#journal.close();
      await this.#database.close();
    }
  }

  async #append(changes: readonly Change[]): Promise<void> {
    const length = changesLength(changes);
    if (length > maxPayloadBytes) {
      await this.#applyAll();
      await this.#database.write(changes);
      return;
    }
    while (this.#journal.blockedBy(length) > this.#applied) await this.#apply();
    await this.#journal.append(length, (payload) => encodeChanges(changes, payload));
    for (const change of changes) this.#waiting.add(change);
    this.#waitingBytes += length;
    this.#applySoon();
  }

  #applySoon(): void {
    if (this.#waitingBytes >= applyBytes) this.#applyInBackground();
    else this.#timer ??= setTimeout(() => this.#applyInBackground(), applyDelayMs);
  }

  #applyInBackground(): void {
    this.#apply().catch(() => {
      // It is noted; the next write fails with it.
    });
  }

  async #applyAll(): Promise<void> {
    while (this.#applied < this.#journal.newest) await this.#apply();
  }

  /** Has the database take over what is waiting now, or waits for the transfer under way. */
  #apply(): Promise<void> {
    this.#applying ??= this.#transfer().finally(() => {
      this.#applying = undefined;
    });
    return this.#applying;
  }

  async #transfer(): Promise<void> {
    if (this.#broken !== undefined) throw this.#broken;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const transferred = this.#waiting;
    const newest = this.#journal.newest;
    this.#waiting = new Batch(transferred);
    this.#waitingBytes = 0;
    try {
      await this.#database.write([...transferred.changes(), appliedChange(newest)]);
    } catch (error) {
      throw this.#breakWith(error);
    }
    this.#waiting.rebase(this.#database);
    this.#applied = newest;
    if (this.#waitingBytes > 0) this.#applySoon();
  }

  /**
   * After a failed write to the journal nobody knows what of it is on disk, and after one to the database they differ by
   * more than is kept track of: nothing is written any more until a new start has read both again.
   */
  #breakWith(error: unknown): GrapevineError {
    this.#broken ??= new GrapevineError('UNAVAILABLE', `The store takes no writes since one failed: ${String(error)}`, {
      cause: error,
    });
    return this.#broken;
  }
}

/** What database and journal together hold, without changing either. */
export function readJournaled(database: KeyValueReader, folder: string): KeyValueReader {
  const state = new Batch(database);
  const applied = appliedIn(database);
  if (applied === undefined) return state;
  for (const { payload } of readJournal(folder, applied)) {
    for (const change of decodeRecord(payload)) state.add(change);
  }
  return state;
}

function decodeRecord(payload: Uint8Array): Change[] {
  return readStored('Journal', () => decodeChanges(payload));
}

function appliedIn(database: KeyValueReader): number | undefined {
  const bytes = database.get('meta', appliedKey);
  return bytes === undefined ? undefined : readStored('Journal position', () => new ByteReader(bytes).u48());
}

function appliedChange(sequence: number): Change {
  const writer = new ByteWriter(6, 6);
  writer.u48(sequence);
  return { table: 'meta', key: appliedKey, value: writer.finish() };
}
