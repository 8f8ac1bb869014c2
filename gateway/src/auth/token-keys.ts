import type { Stoppable } from '@grapevine/shared/lifecycle.ts';
import { WatchedFiles } from '@grapevine/shared/watched-files.ts';
import type { Logger } from 'pino';
import { type KeySet, type PinnedKey, parseKeySet } from './key-set.ts';

/** Where the keys that tokens are checked with come from. */
export interface TokenKeys {
  /** Grows whenever keys came, changed or went: what was verified before must be verified again. */
  readonly version: number;
  /** The key that a token's `kid` names. Only a lookup: it is never part of a path, address or query. */
  find(id: string): PinnedKey | undefined | Promise<PinnedKey | undefined>;
}

/** Keys that never change. */
export function fixedTokenKeys(keys: KeySet): TokenKeys {
  return { version: 0, find: (id) => keys.get(id) };
}

/** The keys of several sources; where two know an id, the first counts. */
export function allTokenKeys(first: TokenKeys, second: TokenKeys): TokenKeys {
  return {
    get version() {
      return first.version + second.version;
    },
    find: async (id) => (await first.find(id)) ?? second.find(id),
  };
}

export interface JwksFileOptions {
  readonly path: string;
  readonly log: Logger;
  /** Milliseconds between two looks at the file; a second when absent. */
  readonly pollMs?: number;
}

/** A JWK set in a file, read again when it changes; one that is gone or wrong changes nothing, and the log says why. */
export class JwksFile implements TokenKeys, Stoppable {
  readonly name = 'token keys';
  readonly #file: WatchedFiles<KeySet>;
  #version = 0;

  private constructor(file: WatchedFiles<KeySet>) {
    this.#file = file;
    file.onChange(() => this.#version++);
  }

  /** Throws `CONFIG_INVALID`, naming the file, when it cannot be read or used. */
  static async open({ path, ...options }: JwksFileOptions): Promise<JwksFile> {
    const parse = ([text = '']: readonly string[]): Promise<KeySet> => parseKeySet(text, path);
    return new JwksFile(await WatchedFiles.open({ what: 'token keys', paths: [path], parse, ...options }));
  }

  get version(): number {
    return this.#version;
  }

  find(id: string): PinnedKey | undefined {
    return this.#file.value.get(id);
  }

  /** Looks at the file now. */
  reload(): Promise<void> {
    return this.#file.reload();
  }

  stop(): Promise<void> {
    return this.#file.stop();
  }
}
