import type { TreeHash } from '@grapevine/shared/merkle/tree-hash.ts';
import { IndexedLogStore } from './indexed-log-store.ts';
import { MemoryKeyValue } from './memory-key-value.ts';

/** A node's store on a disk in memory that the caller holds, fails and crashes through `disk`. */
export class MemoryLogStore {
  readonly disk: MemoryKeyValue;
  readonly log: IndexedLogStore;
  readonly #hash: TreeHash;

  private constructor(disk: MemoryKeyValue, log: IndexedLogStore, hash: TreeHash) {
    this.disk = disk;
    this.log = log;
    this.#hash = hash;
  }

  static async open(hash: TreeHash, disk = new MemoryKeyValue()): Promise<MemoryLogStore> {
    return new MemoryLogStore(disk, await IndexedLogStore.open(disk, hash), hash);
  }

  /** The store as a restarted process finds it: without what was not flushed. The old one must not be used any more. */
  crash(): Promise<MemoryLogStore> {
    return MemoryLogStore.open(this.#hash, this.disk.crash());
  }
}
