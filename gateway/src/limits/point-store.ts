import { BurstyRateLimiter, RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { BoundedMap } from './bounded-map.ts';

export interface Rate {
  readonly perSecond: number;
  /** At least `perSecond`. */
  readonly burst: number;
}

/** What became of a wish for points. */
export interface PointsTaken {
  readonly allowed: boolean;
  /** Left in the current second. */
  readonly remaining: number;
  /** Until that number is full again; when refused, until trying again makes sense. */
  readonly msBeforeNext: number;
}

/** Where the points of a rate are counted, for all who share it. */
export interface PointStore {
  /** Takes points of `key`, all or none; what is refused counts all the same. Rejects only when the store is broken. */
  take(key: string, points: number): Promise<PointsTaken>;
}

/** Opens the store of the rate called `name`, for `maxKeys` keys at most. */
export type OpenPointStore = (name: string, rate: Rate, maxKeys: number) => PointStore;

/** The burst comes back this many times slower than it could: that is what keeps the lasting rate near `perSecond`. */
const burstRecovery = 10;

/** Seconds after which the stock beyond `perSecond` is full again. */
export function stockSeconds({ perSecond, burst }: Rate): number {
  return Math.max(1, Math.ceil((burstRecovery * (burst - perSecond)) / perSecond));
}

/** Points in this process's memory. Beyond `maxKeys` keys the ones that were not used lately are forgotten. */
export class MemoryPoints implements PointStore {
  readonly #limiter: BurstyRateLimiter;
  readonly #keys: BoundedMap<string, true>;

  constructor(rate: Rate, maxKeys: number) {
    const lasting = new RateLimiterMemory({ keyPrefix: '', points: rate.perSecond, duration: 1 });
    const stock = { keyPrefix: '', points: rate.burst - rate.perSecond, duration: stockSeconds(rate) };
    const burst = new RateLimiterMemory(stock);
    this.#limiter = new BurstyRateLimiter(lasting, burst);
    // The library's memory has no bound of its own: it keeps every key until its time is over.
    this.#keys = new BoundedMap(maxKeys, (key) => {
      void lasting.delete(key);
      void burst.delete(key);
    });
  }

  async take(key: string, points: number): Promise<PointsTaken> {
    this.#keys.set(key, true);
    try {
      const { remainingPoints, msBeforeNext } = await this.#limiter.consume(key, points);
      return { allowed: true, remaining: remainingPoints, msBeforeNext };
    } catch (thrown) {
      // The library rejects with this class for "too many" and with an Error when it fails: only the first is a 429.
      if (!(thrown instanceof RateLimiterRes)) throw thrown;
      return { allowed: false, remaining: 0, msBeforeNext: thrown.msBeforeNext };
    }
  }
}

export const openMemoryPoints: OpenPointStore = (_name, rate, maxKeys) => new MemoryPoints(rate, maxKeys);
