import { Batch } from './batch.ts';
import type { KeyValueStore } from './key-value.ts';

/** Bytes of segments in one transaction: larger ones would only make the first of its writes wait for the last. */
const maxGroupBytes = 2 * 1024 * 1024;
/** Transactions under way at once: the next one is made up while one is being flushed. More would only split groups that share a sync. */
const maxUnderWay = 2;

/** Makes its changes in the batch, which stands on all before it; answers what is to be done once they are flushed. */
export type Project = (batch: Batch) => () => void;

export interface WriteQueueHooks {
  /** A transaction has been made up; answers what is to be done, before its writers hear of it, once it is flushed. */
  projected(batch: Batch): () => void;
  /** Nothing of what was projected and not flushed is there; throws when there is no going on. */
  startOver(): void;
}

/** One call's part in a transaction. */
interface Write {
  readonly bytes: number;
  readonly project: Project;
  readonly reject: (error: Error) => void;
}

interface Transaction {
  readonly batch: Batch;
  readonly writes: readonly Write[];
  readonly settles: readonly (() => void)[];
  readonly written: Promise<void>;
}

/**
 * Turns writes into transactions: what is written in one turn of the event loop, and what arrives while enough are under
 * way, shares one. Each is projected over those before it that are not flushed yet, and seen by readers when it is. When one
 * fails, all that were made to follow it fail.
 */
export class WriteQueue {
  readonly #data: KeyValueStore;
  readonly #hooks: WriteQueueHooks;
  #waiting: Write[] = [];
  /** Oldest first. */
  readonly #underWay: Transaction[] = [];
  #isBeginning = false;
  /** What has failed, until nothing is under way any more. */
  #failure: Error | undefined;
  /** Why no further write can be taken. */
  #broken: Error | undefined;
  #idle: (() => void)[] = [];

  constructor(data: KeyValueStore, hooks: WriteQueueHooks) {
    this.#data = data;
    this.#hooks = hooks;
  }

  /** Takes a write in its turn. `bytes`: about how much it brings; `reject` is called instead of what `project` answers. */
  add(bytes: number, project: Project, reject: (error: Error) => void): void {
    if (this.#broken !== undefined) {
      reject(this.#broken);
      return;
    }
    this.#waiting.push({ bytes, project, reject });
    if (this.#isBeginning) return;
    this.#isBeginning = true;
    queueMicrotask(() => {
      this.#isBeginning = false;
      this.#begin();
    });
  }

  /** Resolves when nothing waits and nothing is under way. */
  idle(): Promise<void> {
    if (this.#isIdle()) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  #isIdle(): boolean {
    return this.#waiting.length === 0 && this.#underWay.length === 0;
  }

  #begin(): void {
    if (this.#failure !== undefined && this.#underWay.length === 0) this.#startOver();
    while (this.#waiting.length > 0 && this.#underWay.length < maxUnderWay && this.#failure === undefined) {
      this.#beginGroup(this.#nextGroup());
    }
    if (!this.#isIdle()) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  #nextGroup(): Write[] {
    let bytes = 0;
    const rest = this.#waiting.findIndex((write, i) => {
      bytes += write.bytes;
      return i > 0 && bytes > maxGroupBytes;
    });
    return this.#waiting.splice(0, rest === -1 ? this.#waiting.length : rest);
  }

  #beginGroup(writes: readonly Write[]): void {
    const before = this.#underWay.at(-1);
    const batch = new Batch(before?.batch ?? this.#data);
    let settles: (() => void)[];
    try {
      settles = writes.map((write) => write.project(batch));
    } catch (error) {
      this.#fail(writes, error);
      return;
    }
    // What changes nothing still has its turn.
    const written = batch.isEmpty ? (before?.written ?? Promise.resolve()) : this.#data.write(batch.changes());
    this.#underWay.push({ batch, writes, settles: [this.#hooks.projected(batch), ...settles], written });
    written.then(
      () => this.#flushed(),
      (error: unknown) => this.#fail(this.#underWay.shift()?.writes ?? [], error),
    );
  }

  /** The oldest transaction is flushed. */
  #flushed(): void {
    const { settles = [] } = this.#underWay.shift() ?? {};
    // The next one stood on it, which now is in the store.
    this.#underWay[0]?.batch.rebase(this.#data);
    for (const settle of settles) settle();
    this.#begin();
  }

  /** Nothing of these `writes` was written, and what follows was made to follow them. */
  #fail(writes: readonly Write[], error: unknown): void {
    this.#failure ??= error instanceof Error ? error : new Error(String(error));
    const refused = [...writes, ...this.#waiting.splice(0)];
    for (const { reject } of refused) reject(this.#failure);
    this.#begin();
  }

  #startOver(): void {
    this.#failure = undefined;
    try {
      this.#hooks.startOver();
    } catch (error) {
      this.#broken = error instanceof Error ? error : new Error(String(error));
    }
  }
}
