import { BurstyRateLimiter, type RateLimiterAbstract, RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
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

/** Where points are counted now: `insurance` is this gateway's memory while Redis is away. */
export type CountedIn = 'memory' | 'redis' | 'insurance';

/** The stores of all rates. */
export interface PointSource {
  readonly open: OpenPointStore;
  readonly countedIn: CountedIn;
  stop(): void;
}

/** The burst comes back this many times slower than it could: that is what keeps the lasting rate near `perSecond`. */
const burstRecovery = 10;

/** Seconds after which the stock beyond `perSecond` is full again. */
export function stockSeconds({ perSecond, burst }: Rate): number {
  return Math.max(1, Math.ceil((burstRecovery * (burst - perSecond)) / perSecond));
}

/** What the library's limiters are made with: so many points in so many seconds. */
export interface WindowOptions {
  readonly keyPrefix: string;
  readonly points: number;
  readonly duration: number;
}

/** The two windows of a rate: each second, and the stock beyond it. Their keys begin with `prefix`, if they share a place. */
export function windowsOf(rate: Rate, prefix = ''): { readonly lasting: WindowOptions; readonly stock: WindowOptions } {
  const named = (window: string): string => (prefix === '' ? '' : `${prefix}:${window}`);
  return {
    lasting: { keyPrefix: named('second'), points: rate.perSecond, duration: 1 },
    stock: { keyPrefix: named('stock'), points: rate.burst - rate.perSecond, duration: stockSeconds(rate) },
  };
}

/** Points of one rate by the library, wherever its limiters count. */
export class CountedPoints implements PointStore {
  readonly #limiter: BurstyRateLimiter;

  constructor(lasting: RateLimiterAbstract, stock: RateLimiterAbstract) {
    this.#limiter = new BurstyRateLimiter(lasting, stock);
  }

  async take(key: string, points: number): Promise<PointsTaken> {
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

/** Points in this process's memory. Beyond `maxKeys` keys the ones that were not used lately are forgotten. */
export class MemoryPoints implements PointStore {
  readonly #points: CountedPoints;
  readonly #keys: BoundedMap<string, true>;

  constructor(rate: Rate, maxKeys: number) {
    const windows = windowsOf(rate);
    const lasting = new RateLimiterMemory(windows.lasting);
    const stock = new RateLimiterMemory(windows.stock);
    this.#points = new CountedPoints(lasting, stock);
    // The library's memory has no bound of its own: it keeps every key until its time is over.
    this.#keys = new BoundedMap(maxKeys, (key) => {
      void lasting.delete(key);
      void stock.delete(key);
    });
  }

  take(key: string, points: number): Promise<PointsTaken> {
    this.#keys.set(key, true);
    return this.#points.take(key, points);
  }
}

export const openMemoryPoints: OpenPointStore = (_name, rate, maxKeys) => new MemoryPoints(rate, maxKeys);

/** All rates in this process's memory. */
export const memoryPoints: PointSource = { open: openMemoryPoints, countedIn: 'memory', stop: () => {} };
