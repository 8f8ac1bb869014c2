import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import { GrapevineError } from '../errors/grapevine-error.ts';
import type { Stoppable } from '../lifecycle.ts';
import { WatchedFiles } from '../watched-files.ts';
import { type IdentityKeys, identityKeyOf, type KeyPurpose } from './identity-keys.ts';
import { KeyRotation, type KeysInForce } from './key-rotation.ts';
import { parsePassphrases } from './passphrases.ts';

export interface KeyFileOptions {
  readonly path: string;
  /** How long a new passphrase only opens before it seals, in milliseconds: see `KeyRotation`. */
  readonly rotateAfterMs: number;
  readonly clock: Clock;
  readonly log: Logger;
  /** Milliseconds between two looks at the file; a second when absent. */
  readonly pollMs?: number;
}

/** Longest delay that a timer takes. What is due later is looked at again in between. */
const maxTimerMs = 2 ** 31 - 1;

/**
 * A file of passphrases that may change while the process runs. A file that is gone or wrong changes nothing, and the log
 * says why. Nothing that it logs gives a passphrase away.
 */
export class KeyFile implements Stoppable {
  readonly name = 'key file';
  readonly #file: WatchedFiles<readonly string[]>;
  readonly #rotation: KeyRotation;
  readonly #options: KeyFileOptions;
  readonly #listeners = new Set<(keys: KeysInForce) => void>();
  #inForce: KeysInForce;
  #timer: NodeJS.Timeout | undefined;

  private constructor(options: KeyFileOptions, file: WatchedFiles<readonly string[]>) {
    this.#options = options;
    this.#file = file;
    this.#rotation = new KeyRotation(file.value, options.rotateAfterMs);
    this.#inForce = this.#rotation.inForce(options.clock.monotonicMs());
    file.onChange((passphrases) => {
      this.#rotation.change(passphrases, options.clock.monotonicMs());
      this.#advance();
    });
  }

  /** Throws `CONFIG_INVALID`, naming the file, when it cannot be read or does not hold passphrases. */
  static async open(options: KeyFileOptions): Promise<KeyFile> {
    const { path, ...others } = options;
    const parse = ([text = '']: readonly string[]): readonly string[] => parsePassphrases(text, `The key file ${path}`);
    try {
      return new KeyFile(options, await WatchedFiles.open({ what: 'key file', paths: [path], parse, ...others }));
    } catch (error) {
      if (!(error instanceof GrapevineError) || !isAbsent(error.cause)) throw error;
      const remedy =
        'copy it from another process of the cluster; for a new cluster, `openssl rand -hex 32` prints one';
      throw new GrapevineError('CONFIG_INVALID', `There is no key file ${path}: ${remedy}.`, { cause: error });
    }
  }

  get inForce(): KeysInForce {
    return this.#inForce;
  }

  /** Keys for `purpose` that follow the file. */
  identityKeys(purpose: KeyPurpose): IdentityKeys {
    let derivedFrom: KeysInForce | undefined;
    let derived: IdentityKeys | undefined;
    const current = (): IdentityKeys => {
      if (derived !== undefined && derivedFrom === this.#inForce) return derived;
      const { sealing, opening } = this.#inForce;
      derivedFrom = this.#inForce;
      derived = {
        signing: identityKeyOf(sealing, purpose),
        verifying: opening.map((passphrase) => identityKeyOf(passphrase, purpose)),
      };
      return derived;
    };
    return {
      get signing() {
        return current().signing;
      },
      get verifying() {
        return current().verifying;
      },
    };
  }

  /** Calls back when other keys are in force, until the returned function is called. */
  onChange(listener: (keys: KeysInForce) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Looks at the file now. */
  reload(): Promise<void> {
    return this.#file.reload();
  }

  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    this.#listeners.clear();
    await this.#file.stop();
  }

  #advance(): void {
    const { clock, log, path } = this.#options;
    const before = this.#inForce;
    const now = this.#rotation.inForce(clock.monotonicMs());
    // A timer may go off a moment too early.
    if (!isDeepStrictEqual(now, before)) {
      this.#inForce = now;
      const { sealing, opening } = now;
      if (sealing !== before.sealing) log.info({ path }, 'another key of the file seals now');
      if (opening.length !== before.opening.length) log.info({ path, keys: opening.length }, 'other keys open now');
      for (const listener of this.#listeners) listener(now);
    }
    this.#scheduleAdvance();
  }

  #scheduleAdvance(): void {
    clearTimeout(this.#timer);
    const delayMs = this.#rotation.nextChangeMs - this.#options.clock.monotonicMs();
    if (delayMs === Number.POSITIVE_INFINITY) return;
    this.#timer = setTimeout(() => this.#advance(), Math.min(maxTimerMs, Math.max(0, Math.ceil(delayMs))));
    this.#timer.unref();
  }
}

function isAbsent(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
}
