import type { LogReader } from '@grapevine/cluster-node/core/ports.ts';
import type { KeyValueReader } from '@grapevine/cluster-node/store/key-value.ts';
import type { CheckedSegment, LogStore } from '@grapevine/cluster-node/store/log-store.ts';
import type { Views } from '@grapevine/cluster-node/views/views.ts';
import type { SignedHead } from '@grapevine/shared/log/head.ts';

/** When a disk's writes end, and how. */
export interface DiskSchedule {
  /** Calls `run` when the write that begins now has reached the platter. */
  afterWrite(run: () => void): void;
  /** Why a write that ends now fails, if it does. */
  failure(): Error | undefined;
  /** Something new can be read. */
  flushed(): void;
}

/** A node's disk in simulated time. What is written can be read only when it is flushed; a crash loses what was not. */
export interface NodeDisk {
  /** What the replica reads; the same object only until the next `open`. */
  readonly log: LogReader;
  /** The node's read model, where this kind of disk keeps one. */
  readonly views: Views | undefined;
  /** All that lies on the disk, where it is the node's own store that put it there. */
  readonly data: KeyValueReader | undefined;
  /** Makes the disk ready for a process that starts. */
  open(): Promise<void>;
  /** As `LogStore.commit`. */
  commit(segments: readonly CheckedSegment[]): Promise<void>;
  /**
   * The process is gone. Of what was being written, the oldest write is kept whole when `keepsWrite`: it had reached the
   * platter, but nobody had heard of it. A write is never torn: its checksum would not hold. Answers whether one was kept.
   */
  crash(keepsWrite: boolean): boolean;
  /** Makes a backup of what is flushed; calling it puts the disk back to it. Only while no process runs. */
  backUp(): () => void;
  /** Everything is gone. Only while no process runs. */
  wipe(): void;
  /** What lies on the disk, whether a process runs or not. */
  heads(): SignedHead[];
  /** The store behind `log`, where this kind of disk has the node's own. */
  readonly store: LogStore | undefined;
  /** Flips a bit of a stored segment with these bytes; false when it cannot be done now. */
  flip(origin: string, segment: Uint8Array, bit: number): boolean;
  /** Bytes of all segments of `origin`, in order. */
  segments(origin: string): Uint8Array[];
}
