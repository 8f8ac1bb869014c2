import { BoundedMap } from './bounded-map.ts';
import type { OpenPointStore, Rate } from './point-store.ts';
import { KeyedRateLimiter } from './rate-limiter.ts';

/** Different rates that are kept: more than people think of, and a bound for files that change all the time. */
const maxRates = 256;

/** Limiters for API keys that have a rate of their own, one for each rate. */
export class ApiKeyRates {
  readonly #limiters = new BoundedMap<string, KeyedRateLimiter>(maxRates);
  readonly #maxKeys: number;
  readonly #open: OpenPointStore;

  constructor(maxKeys: number, open: OpenPointStore) {
    this.#maxKeys = maxKeys;
    this.#open = open;
  }

  /** One for each rate that was asked for. */
  get limiters(): readonly KeyedRateLimiter[] {
    return [...this.#limiters.values()];
  }

  limiterOf(rate: Rate): KeyedRateLimiter {
    const name = `${rate.perSecond}/${rate.burst}`;
    const known = this.#limiters.get(name);
    if (known !== undefined) return known;
    const limiter = new KeyedRateLimiter('api-key', rate, this.#maxKeys, this.#open);
    this.#limiters.set(name, limiter);
    return limiter;
  }
}
