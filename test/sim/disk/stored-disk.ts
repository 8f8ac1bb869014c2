import type { LogReader } from '@grapevine/cluster-node/core/ports.ts';
import { fastTreeHash } from '@grapevine/cluster-node/store/fast-tree-hash.ts';
import { readHeads } from '@grapevine/cluster-node/store/head-record.ts';
import { IndexedLogStore } from '@grapevine/cluster-node/store/indexed-log-store.ts';
import type {
  Change,
  KeyRange,
  KeyValue,
  KeyValueReader,
  KeyValueStore,
  Table,
} from '@grapevine/cluster-node/store/key-value.ts';
import { seqKey, seqsFrom } from '@grapevine/cluster-node/store/keys.ts';
import type { CheckedSegment } from '@grapevine/cluster-node/store/log-store.ts';
import { MemoryKeyValue } from '@grapevine/cluster-node/store/memory-key-value.ts';
import type { Views } from '@grapevine/cluster-node/views/views.ts';
import { segmentFirstSeq } from '@grapevine/cluster-node/wire/segment.ts';
import type { SignedHead } from '@grapevine/shared/log/head.ts';
import type { DiskSchedule, NodeDisk } from './node-disk.ts';

/** The node's own store, with trees, indexes and views, on a key-value store whose writes take simulated time. */
export class StoredDisk implements NodeDisk {
  readonly #schedule: DiskSchedule;
  #memory = new MemoryKeyValue();
  #store: IndexedLogStore | undefined;

  constructor(schedule: DiskSchedule) {
    this.#schedule = schedule;
  }

  get log(): LogReader {
    return this.#opened();
  }

  get views(): Views {
    return this.#opened().views;
  }

  get store(): IndexedLogStore {
    return this.#opened();
  }

  get data(): KeyValueReader {
    return this.#memory;
  }

  async open(): Promise<void> {
    const memory = this.#memory;
    memory.release();
    // The layout's mark is written before the process does anything else: there is no fault in that worth its time.
    const store = await IndexedLogStore.open(new TimedKeyValue(memory, this.#schedule), fastTreeHash);
    memory.hold();
    if (memory === this.#memory) this.#store = store;
  }

  commit(segments: readonly CheckedSegment[]): Promise<void> {
    return this.#opened().commit(segments);
  }

  crash(keepsWrite: boolean): boolean {
    this.#store = undefined;
    const isKept = keepsWrite && this.#memory.waiting;
    if (isKept) this.#memory.release();
    this.#memory = this.#memory.crash();
    if (isKept) this.#schedule.flushed();
    return isKept;
  }

  backUp(): () => void {
    const backup = this.#memory.copy();
    return () => {
      this.#memory = backup.copy();
    };
  }

  wipe(): void {
    this.#memory = new MemoryKeyValue();
  }

  flip(origin: string, segment: Uint8Array, bit: number): boolean {
    // What is being written would reach the platter before its time.
    if (this.#memory.waiting) return false;
    const flipped = segment.slice();
    const at = Math.floor(bit / 8) % flipped.length;
    flipped[at] = (flipped[at] ?? 0) ^ (1 << (bit % 8));
    this.#memory.release();
    // Nobody waits for it: held or not, this is at once.
    void this.#memory.write([{ table: 'segments', key: seqKey(origin, segmentFirstSeq(segment)), value: flipped }]);
    if (this.#store !== undefined) this.#memory.hold();
    return true;
  }

  heads(): SignedHead[] {
    return readHeads(this.#memory).map(({ head }) => head);
  }

  segments(origin: string): Uint8Array[] {
    return Array.from(this.#memory.range('segments', seqsFrom(origin, 0)), ([, bytes]) => bytes);
  }

  #opened(): IndexedLogStore {
    if (this.#store === undefined) throw new Error('No process has opened this disk.');
    return this.#store;
  }
}

/** Holds each write back until its time has come. */
class TimedKeyValue implements KeyValueStore {
  readonly #memory: MemoryKeyValue;
  readonly #schedule: DiskSchedule;

  constructor(memory: MemoryKeyValue, schedule: DiskSchedule) {
    this.#memory = memory;
    this.#schedule = schedule;
  }

  get(table: Table, key: Uint8Array): Uint8Array | undefined {
    return this.#memory.get(table, key);
  }

  range(table: Table, range: KeyRange): Iterable<KeyValue> {
    return this.#memory.range(table, range);
  }

  write(changes: Iterable<Change>): Promise<void> {
    const written = this.#memory.write(changes);
    if (this.#memory.waiting) this.#schedule.afterWrite(() => this.#end());
    return written;
  }

  close(): Promise<void> {
    return this.#memory.close();
  }

  #end(): void {
    const failure = this.#schedule.failure();
    if (failure !== undefined) {
      this.#memory.fail(failure);
      return;
    }
    this.#memory.release();
    this.#memory.hold();
    this.#schedule.flushed();
  }
}
