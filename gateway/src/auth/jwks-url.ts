import type { Clock } from '@grapevine/shared/clock.ts';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import type { Stoppable } from '@grapevine/shared/lifecycle.ts';
import type { Logger } from 'pino';
import { type KeySet, type PinnedKey, parseForeignKeySet } from './key-set.ts';
import type { TokenKeys } from './token-keys.ts';

export interface JwksUrlOptions {
  readonly url: string;
  /** Milliseconds between two fetches. */
  readonly refreshMs: number;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * An unknown `kid` may mean that the issuer has a new key, or that somebody makes up tokens: between two fetches for that
 * reason lies at least so long.
 */
const cooldownMs = 10_000;
const timeoutMs = 5_000;
/** A set of 64 RSA keys with certificates has about 200 KB. */
const maxBytes = 512 * 1024;

/**
 * The JWK set that an issuer publishes. It is fetched at the start, at an interval, and when a token names a key that it
 * does not have, which is how a rotation is noticed at once. While the issuer is away or answers rubbish, the keys that it
 * had stay in force. (jose's own remote set has none then, and no bound on the answer.)
 */
export class JwksUrl implements TokenKeys, Stoppable {
  readonly name = 'remote token keys';
  readonly #options: JwksUrlOptions;
  readonly #stop = new AbortController();
  readonly #timer: NodeJS.Timeout;
  #keys: KeySet = new Map();
  #text = '';
  #version = 0;
  #fetching: Promise<void> | undefined;
  #nextForUnknownMs = Number.NEGATIVE_INFINITY;

  private constructor(options: JwksUrlOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.refresh(), options.refreshMs);
    this.#timer.unref();
  }

  /** Never fails: a gateway must start while an issuer is away. The log says so. */
  static async open(options: JwksUrlOptions): Promise<JwksUrl> {
    const keys = new JwksUrl(options);
    await keys.refresh();
    return keys;
  }

  get version(): number {
    return this.#version;
  }

  find(id: string): PinnedKey | undefined | Promise<PinnedKey | undefined> {
    return this.#keys.get(id) ?? this.#findAfterFetch(id);
  }

  /** Fetches the keys now, or waits for the fetch that is under way. Never throws. */
  refresh(): Promise<void> {
    this.#fetching ??= this.#refresh().finally(() => {
      this.#fetching = undefined;
    });
    return this.#fetching;
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#stop.abort();
    await this.#fetching;
  }

  async #findAfterFetch(id: string): Promise<PinnedKey | undefined> {
    const nowMs = this.#options.clock.monotonicMs();
    if (this.#fetching === undefined && nowMs < this.#nextForUnknownMs) return undefined;
    this.#nextForUnknownMs = nowMs + cooldownMs;
    await this.refresh();
    return this.#keys.get(id);
  }

  async #refresh(): Promise<void> {
    const { url, log } = this.#options;
    try {
      const text = await this.#fetch();
      if (text === this.#text) return;
      this.#keys = await parseForeignKeySet(text, url);
      this.#text = text;
      this.#version++;
      log.info({ url, keys: this.#keys.size }, 'the token keys of the issuer have changed');
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      const reason = error instanceof Error ? error.message : String(error);
      log.error(
        { url, reason, keys: this.#keys.size },
        'cannot fetch the token keys; those known before stay in force',
      );
    }
  }

  async #fetch(): Promise<string> {
    const response = await fetch(this.#options.url, {
      headers: { accept: 'application/jwk-set+json, application/json' },
      // Whoever can redirect this would decide who may sign tokens.
      redirect: 'error',
      signal: AbortSignal.any([this.#stop.signal, AbortSignal.timeout(timeoutMs)]),
    });
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    for await (const chunk of response.body ?? []) {
      bytes += chunk.length;
      if (bytes > maxBytes) throw unusable(`the answer has more than ${maxBytes} bytes`);
      chunks.push(chunk);
    }
    if (response.status !== 200) throw unusable(`found status ${response.status}, expected 200`);
    return Buffer.concat(chunks).toString('utf8');
  }
}

function unusable(reason: string): GrapevineError {
  return new GrapevineError('UPSTREAM_FAILED', `Cannot use the answer: ${reason}.`);
}
