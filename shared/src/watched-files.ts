import { type StatsListener, unwatchFile, watchFile } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from 'pino';
import { GrapevineError } from './errors/grapevine-error.ts';
import type { Stoppable } from './lifecycle.ts';

export interface WatchedFilesOptions<Value> {
  /** For messages, such as `peer file`. */
  readonly what: string;
  /** Files that make up one value. */
  readonly paths: readonly string[];
  /** The value in the files' texts, in the order of `paths`. What it throws says why they cannot be used. */
  readonly parse: (texts: readonly string[]) => Value | Promise<Value>;
  readonly log: Logger;
  /** Milliseconds between two looks at the files; `defaultPollMs` when absent. */
  readonly pollMs?: number;
}

/**
 * A look costs one `stat`. The system's notifications would be sooner, but they say nothing on network file systems, and
 * follow neither a renamed file nor the swapped links by which orchestrators mount their secrets.
 */
const defaultPollMs = 1_000;
/** Two readings so far apart, in milliseconds, must be equal: who writes a file in pieces does not pause for so long. */
const settleMs = 200;
/** Readings of files that never come to rest, before the next look starts over. */
const maxReadings = 20;
/** Larger than any list of peers, key file or chain of certificates; a larger file is a wrong path. */
const maxFileBytes = 1024 * 1024;

/**
 * A value that stands in files, read again whenever they change. Files that are gone, half written or wrong change nothing:
 * the last good value stays, and the log says why.
 */
export class WatchedFiles<Value> implements Stoppable {
  readonly name: string;
  readonly #options: WatchedFilesOptions<Value>;
  readonly #onStat: StatsListener = () => void this.reload();
  readonly #listeners = new Set<(value: Value) => void>();
  #value: Value;
  #texts: readonly string[];
  #reloading: Promise<void> | undefined;
  #isStale = false;
  #stopped = false;

  private constructor(options: WatchedFilesOptions<Value>, texts: readonly string[], value: Value) {
    this.name = options.what;
    this.#options = options;
    this.#texts = texts;
    this.#value = value;
    const interval = options.pollMs ?? defaultPollMs;
    for (const path of options.paths) watchFile(path, { persistent: false, interval }, this.#onStat);
  }

  /** Reads the files and begins to watch them. Throws `CONFIG_INVALID`, naming the file, when they cannot be used. */
  static async open<Value>(options: WatchedFilesOptions<Value>): Promise<WatchedFiles<Value>> {
    const texts = await readAll(options);
    return new WatchedFiles(options, texts, await options.parse(texts));
  }

  get value(): Value {
    return this.#value;
  }

  /** Calls back after every change until the returned function is called. */
  onChange(listener: (value: Value) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Looks at the files now. Never throws; resolves when the value is what they say, or they cannot be used. */
  reload(): Promise<void> {
    this.#isStale = true;
    this.#reloading ??= this.#reload().finally(() => {
      this.#reloading = undefined;
    });
    return this.#reloading;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#listeners.clear();
    for (const path of this.#options.paths) unwatchFile(path, this.#onStat);
  }

  async #reload(): Promise<void> {
    // A change that is noticed while an earlier one is being read is read after it.
    while (this.#isStale && !this.#stopped) {
      this.#isStale = false;
      try {
        await this.#take(await settled(this.#options));
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        this.#options.log.error({ reason }, `cannot use the ${this.name}; what was read before stays in force`);
      }
    }
  }

  async #take(texts: readonly string[]): Promise<void> {
    if (texts.every((text, i) => text === this.#texts[i])) return;
    const value = await this.#options.parse(texts);
    if (this.#stopped) return;
    this.#texts = texts;
    this.#value = value;
    this.#options.log.info({ paths: this.#options.paths }, `read the ${this.name} again`);
    for (const listener of this.#listeners) listener(value);
  }
}

/** The texts once nobody is writing them any more. */
async function settled<Value>(options: WatchedFilesOptions<Value>): Promise<readonly string[]> {
  let texts = await readAll(options);
  for (let reading = 1; reading < maxReadings; reading++) {
    await pause(settleMs, undefined, { ref: false });
    const again = await readAll(options);
    if (again.every((text, i) => text === texts[i])) return texts;
    texts = again;
  }
  throw unusable(options.what, options.paths.join(', '), 'it is being written all the time');
}

function readAll<Value>({ what, paths }: WatchedFilesOptions<Value>): Promise<readonly string[]> {
  return Promise.all(paths.map((path) => readBounded(what, path)));
}

async function readBounded(what: string, path: string): Promise<string> {
  try {
    const { size } = await stat(path);
    if (size <= maxFileBytes) return await readFile(path, 'utf8');
  } catch (error) {
    throw unusable(what, path, error instanceof Error ? error.message : String(error), error);
  }
  throw unusable(what, path, `it has more than ${maxFileBytes} bytes`);
}

function unusable(what: string, path: string, reason: string, cause?: unknown): GrapevineError {
  return new GrapevineError('CONFIG_INVALID', `Cannot read the ${what} ${path}: ${reason}`, { cause });
}
