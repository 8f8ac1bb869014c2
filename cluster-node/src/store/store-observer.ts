import type { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';

/** Hears what the store does to its disk. */
export interface StoreObserver {
  /** A write was handed over. */
  begun(): void;
  /** The oldest write that had not ended has: so many bytes are on disk, or undefined when it failed. */
  ended(bytes: number | undefined): void;
  /** The database has taken over journalled writes. */
  transferred(milliseconds: number): void;
  /** Writes are refused from now on, for this reason; also when the reason becomes another one. */
  failed(trouble: GrapevineError): void;
  /** Writes are taken again. */
  recovered(): void;
}

export const silentObserver: StoreObserver = {
  begun: () => undefined,
  ended: () => undefined,
  transferred: () => undefined,
  failed: () => undefined,
  recovered: () => undefined,
};
