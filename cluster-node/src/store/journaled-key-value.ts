import type { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { equalBytes } from '@grapevine/shared/log/bytes.ts';
import { Batch } from './batch.ts';
import { changesLength, decodeChanges, encodeChanges } from './changes.ts';
import { damaged, readStored } from './damage.ts';
import { diskTrouble } from './disk-trouble.ts';
import { createJournal, hasJournal, readJournal, usedJournal } from './journal.ts';
import { maxPayloadBytes } from './journal-format.ts';
import { newPosition, nextLife, type OpenPosition, positionChange, readPosition } from './journal-position.ts';
import { JournalWriter } from './journal-writer.ts';
import type { Change, Database, KeyRange, KeyValue, KeyValueReader, KeyValueStore, Table } from './key-value.ts';
import { type StoreObserver, silentObserver } from './store-observer.ts';

/** How long journalled changes may wait for the database, in milliseconds: the longer, the more of them replace each other. */
const applyDelayMs = 50;
/** Changes of this many bytes are applied at once: a small part of the journal, so that writers seldom wait for room in it. */
const applyBytes = 1024 * 1024;
/** How long after a failure the disk is tried again, in milliseconds. */
const retryMs = 1_000;

/**
 * A database behind a journal. What is written is durable and visible once it is in the journal; the database takes it over
 * a little later, many writes in one transaction. A crash leaves the database as after some earlier transaction, and the
 * journal with all that came since.
 *
 * When a write or a sync fails, nobody knows what of it is on disk, and a later sync that succeeds says nothing about it
 * (Rebello et al., "Can applications recover from fsync failures?", 2020). So nothing more is written then: every write is
 * refused, reads go on from what was acknowledged, and every second the store tries to go on in the only way that assumes
 * nothing. The database is opened anew and read again; it takes over everything acknowledged, from memory; that transaction
 * ends the life of the old journal, whatever is in it; a new journal is made.
 */
export class JournaledKeyValue implements KeyValueStore {
  readonly #database: Database;
  readonly #folder: string;
  readonly #observer: StoreObserver;
  #position: OpenPosition;
  #journal: JournalWriter;
  /** On its way into the database, under `#waiting`. */
  #transferred: Batch | undefined;
  /** In the journal only. */
  #waiting: Batch;
  #waitingBytes = 0;
  /** The newest record that can be read. */
  #visible: number;
  /** Settles when the newest write has its place in the journal: writes take theirs in the order of the calls. */
  #placed: Promise<void> = Promise.resolve();
  #applying: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #trouble: GrapevineError | undefined;
  #recovering: Promise<void> | undefined;
  #retry: NodeJS.Timeout | undefined;
  #isClosing = false;

  private constructor(database: Database, folder: string, position: OpenPosition, observer: StoreObserver) {
    this.#database = database;
    this.#folder = folder;
    this.#observer = observer;
    this.#position = position;
    this.#journal = new JournalWriter(folder, position.applied, position.salt);
    this.#visible = position.applied;
    this.#waiting = new Batch(database);
  }

  /**
   * Brings the database up to date with the journal in `folder`, which is made for an empty database. Throws `DATA_DAMAGED`
   * when one of the two is not what the other says.
   */
  static async open(
    database: Database,
    folder: string,
    observer: StoreObserver = silentObserver,
  ): Promise<JournaledKeyValue> {
    const found = readPosition(database);
    if (found === undefined) requireNewFolder(folder);
    const before = found ?? newPosition();
    const records = readJournal(folder, before);
    const batch = new Batch(database);
    for (const { payload } of records) for (const change of decodeRecord(payload)) batch.add(change);
    if (before.salt === undefined && !hasJournal(folder, before.id)) await createJournal(folder, before.id);
    const position = nextLife({ ...before, applied: before.applied + records.length });
    await database.write([...batch.changes(), positionChange(position)]);
    return new JournaledKeyValue(database, folder, position, observer);
  }

  /** Why no writes are taken at the moment, if so. */
  get trouble(): GrapevineError | undefined {
    return this.#trouble;
  }

  get(table: Table, key: Uint8Array): Uint8Array | undefined {
    return this.#waiting.get(table, key);
  }

  range(table: Table, range: KeyRange): Iterable<KeyValue> {
    return this.#waiting.range(table, range);
  }

  async write(changes: Iterable<Change>): Promise<void> {
    const all = [...changes];
    const length = changesLength(all);
    this.#observer.begun();
    const placed = this.#placed.then(() => this.#place(all, length));
    this.#placed = placed.then(ignore, ignore);
    try {
      const { visible } = await placed;
      await visible;
    } catch (error) {
      this.#observer.ended(undefined);
      throw this.#fail(error);
    }
    this.#observer.ended(length);
  }

  /** Waits until everything is in the database, unless that has failed, and closes. */
  async close(): Promise<void> {
    this.#isClosing = true;
    clearTimeout(this.#retry);
    await this.#recovering;
    await this.#placed;
    await this.#journal.settled();
    try {
      await this.#applyAll();
      await this.#database.write([positionChange({ ...this.#position, salt: undefined })]);
    } catch {
      // The next start finds in the journal what the database did not take.
    } finally {
      clearTimeout(this.#timer);
      this.#journal.close();
      await this.#database.close();
    }
  }

  /** Gives a write its place among the others; `visible` settles when it is on disk and can be read. */
  async #place(changes: readonly Change[], length: number): Promise<{ readonly visible: Promise<void> }> {
    if (this.#trouble !== undefined) throw this.#trouble;
    if (length > maxPayloadBytes) {
      await this.#writeThrough(changes);
      return { visible: Promise.resolve() };
    }
    await this.#journal.room();
    while (this.#journal.blockedBy(length) > this.#position.applied) await this.#apply();
    const durable = this.#journal.append(length, (payload) => encodeChanges(changes, payload));
    const sequence = this.#journal.newest;
    return {
      visible: durable.then(() => {
        // The disk may have failed elsewhere in the meantime: then this is not part of what will be gone on from.
        if (this.#trouble !== undefined) throw this.#trouble;
        for (const change of changes) this.#waiting.add(change);
        this.#visible = sequence;
        this.#waitingBytes += length;
        this.#applySoon();
      }),
    };
  }

  /** What is larger than the journal goes past it, when the database has all that comes before. */
  async #writeThrough(changes: readonly Change[]): Promise<void> {
    await this.#journal.settled();
    await this.#applyAll();
    await this.#database.write(changes);
  }

  #applySoon(): void {
    if (this.#waitingBytes >= applyBytes) this.#applyInBackground();
    else this.#timer ??= setTimeout(() => this.#applyDue(), applyDelayMs);
  }

  /** A transfer under way does not take what came after its beginning: its end sets the timer again. */
  #applyDue(): void {
    this.#timer = undefined;
    this.#applyInBackground();
  }

  #applyInBackground(): void {
    this.#apply().catch(() => {
      // It is noted; the next write fails with it.
    });
  }

  async #applyAll(): Promise<void> {
    while (this.#position.applied < this.#visible) await this.#apply();
  }

  /** Has the database take over what is waiting now, or waits for the transfer under way. */
  #apply(): Promise<void> {
    this.#applying ??= this.#transfer().finally(() => {
      this.#applying = undefined;
    });
    return this.#applying;
  }

  async #transfer(): Promise<void> {
    if (this.#trouble !== undefined) throw this.#trouble;
    const started = performance.now();
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const transferred = this.#waiting;
    const position = { ...this.#position, applied: this.#visible };
    this.#transferred = transferred;
    this.#waiting = new Batch(transferred);
    this.#waitingBytes = 0;
    try {
      await this.#journal.requireFiles();
      await this.#database.write([...transferred.changes(), positionChange(position)]);
    } catch (error) {
      throw this.#fail(error);
    }
    this.#waiting.rebase(this.#database);
    this.#transferred = undefined;
    this.#position = position;
    this.#observer.transferred(performance.now() - started);
    if (this.#waitingBytes > 0) this.#applySoon();
  }

  #fail(error: unknown): GrapevineError {
    if (this.#trouble !== undefined) return this.#trouble;
    this.#recoverLater();
    return this.#note(error);
  }

  #note(error: unknown): GrapevineError {
    const before = this.#trouble;
    this.#trouble = diskTrouble(error);
    if (this.#trouble.code !== before?.code) this.#observer.failed(this.#trouble);
    return this.#trouble;
  }

  #recoverLater(): void {
    if (this.#isClosing) return;
    this.#retry = setTimeout(() => {
      this.#recovering = this.#recover()
        .then(
          () => this.#observer.recovered(),
          (error: unknown) => {
            this.#note(error);
            this.#recoverLater();
          },
        )
        .finally(() => {
          this.#recovering = undefined;
        });
    }, retryMs);
  }

  async #recover(): Promise<void> {
    // Nothing may be under way when the files are read again. What still succeeds now was refused all the same.
    await this.#placed;
    await this.#journal.settled();
    await this.#applying?.catch(ignore);
    await this.#database.reopen();
    this.#requireSameDatabase();
    const acknowledged = [...(this.#transferred?.changes() ?? []), ...this.#waiting.changes()];
    const withoutJournal = { ...this.#position, applied: this.#visible, salt: undefined };
    await this.#database.write([...acknowledged, positionChange(withoutJournal)]);
    await createJournal(this.#folder, withoutJournal.id);
    const position = nextLife({ ...withoutJournal, applied: this.#journal.newest });
    await this.#database.write([positionChange(position)]);
    const journal = new JournalWriter(this.#folder, position.applied, position.salt);
    this.#journal.close();
    this.#journal = journal;
    this.#position = position;
    this.#visible = position.applied;
    this.#transferred = undefined;
    this.#waiting = new Batch(this.#database);
    this.#waitingBytes = 0;
    this.#trouble = undefined;
  }

  /** The file could have been exchanged: going on with another one would mix two stores. */
  #requireSameDatabase(): void {
    const found = readPosition(this.#database);
    const { id, applied } = this.#position;
    if (found !== undefined && equalBytes(found.id, id) && found.applied >= applied) return;
    throw damaged(
      `Expected the database that was open, at record ${applied} or later, found another one or an older one.`,
    );
  }
}

/** What database and journal together hold, as a clean stop would leave it in the database, without changing either. */
export function readJournaled(database: KeyValueReader, folder: string): KeyValueReader {
  const state = new Batch(database);
  const position = readPosition(database);
  if (position === undefined) {
    requireNewFolder(folder);
    return state;
  }
  const records = readJournal(folder, position);
  for (const { payload } of records) for (const change of decodeRecord(payload)) state.add(change);
  state.add(positionChange({ ...position, applied: position.applied + records.length, salt: undefined }));
  return state;
}

function requireNewFolder(folder: string): void {
  const used = usedJournal(folder);
  if (used === undefined) return;
  throw damaged(
    `Expected the database that the journal ${used} belongs to, found none. Put it back, or remove the whole data folder: ` +
      'the node then starts a new log and fetches everything else from its peers.',
  );
}

function decodeRecord(payload: Uint8Array): Change[] {
  return readStored('Journal', () => decodeChanges(payload));
}

function ignore(): void {
  // The caller of the write hears of it.
}
