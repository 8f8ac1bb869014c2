import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { BurstyRateLimiter, RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { BoundedMap } from './bounded-map.ts';

export interface Rate {
  readonly perSecond: number;
  /** At least `perSecond`. */
  readonly burst: number;
}

/** How a request fared. */
export interface RateVerdict {
  readonly allowed: boolean;
  /** Requests left in the current second, not counting what is left of the burst. */
  readonly remaining: number;
  /** Whole seconds until that number is full again; when refused, until trying again makes sense. */
  readonly resetSeconds: number;
}

/** The burst comes back this many times slower than it could: that is what keeps the lasting rate near `perSecond`. */
const burstRecovery = 10;

/** Points of a key that have been taken from the library and not been given out yet. */
interface Lease {
  points: number;
  /** When they are worth nothing any more, by the clock that the library reads. */
  endsMs: number;
  /** What the library had left when they were taken. */
  remaining: number;
}

/**
 * Points taken at once from a key that is far from its limit: asking for each would cost more than the rest of a request's
 * checks. Never more than a fourth of what is left, so that a key near its limit is counted one by one.
 */
const leasePoints = 16;
const leaseShare = 4;

/**
 * Counts requests by key: `perSecond` in each second, and beyond it a stock of `burst - perSecond` that is full again after
 * ten times the seconds that it is worth. So `burst` requests can come at once, a steady `perSecond` passes even if some
 * seconds bring a little more, and what lasts is at most a tenth above `perSecond`. Seconds are counted from a key's first
 * request, so around the turn of one a client can get up to `perSecond` more at once.
 *
 * At most `maxKeys` keys are kept. Beyond them the least recently seen key is forgotten and starts afresh when it returns:
 * whoever has that many addresses is not held by a limit per address anyway, and nobody else is ever hit by it.
 */
export class KeyedRateLimiter {
  readonly name: string;
  readonly rate: Rate;
  /** Value for `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers). */
  readonly policy: string;
  readonly #limiter: BurstyRateLimiter;
  readonly #leases: BoundedMap<string, Lease>;

  constructor(name: string, rate: Rate, maxKeys: number) {
    this.name = name;
    this.rate = rate;
    const stock = rate.burst - rate.perSecond;
    const stockSeconds = Math.max(1, Math.ceil((burstRecovery * stock) / rate.perSecond));
    const lastingPolicy = `"${name}";q=${rate.perSecond};w=1`;
    this.policy = stock === 0 ? lastingPolicy : `${lastingPolicy}, "${name}-burst";q=${stock};w=${stockSeconds}`;
    const lasting = new RateLimiterMemory({ keyPrefix: '', points: rate.perSecond, duration: 1 });
    const burst = new RateLimiterMemory({ keyPrefix: '', points: stock, duration: stockSeconds });
    this.#limiter = new BurstyRateLimiter(lasting, burst);
    // The library's memory has no bound of its own: it keeps every key until its time is over.
    this.#leases = new BoundedMap(maxKeys, (key) => {
      void lasting.delete(key);
      void burst.delete(key);
    });
  }

  /** Keys that are remembered now. */
  get tracked(): number {
    return this.#leases.size;
  }

  /** Charges `key` with one request; answers at once as long as points are at hand. Rejects only when the limiter is broken. */
  charge(key: string): RateVerdict | Promise<RateVerdict> {
    const lease = this.#leases.get(key);
    if (lease === undefined || lease.points === 0) return this.#consume(key);
    // The library's own clock.
    const msLeft = lease.endsMs - Date.now();
    if (msLeft <= 0) return this.#consume(key);
    lease.points--;
    return verdict(true, lease.remaining + lease.points, msLeft);
  }

  /**
   * Charges `key` with `points` more for a request that was let through already. It is never refused: what goes beyond the
   * limit counts against the requests after it.
   */
  async chargeMore(key: string, points: number): Promise<RateVerdict> {
    const lease = this.#leases.get(key) ?? { points: 0, endsMs: 0, remaining: 0 };
    this.#leases.set(key, lease);
    const atHand = lease.endsMs > Date.now() ? Math.min(lease.points, points) : 0;
    lease.points -= atHand;
    if (points === atHand) return verdict(true, lease.remaining + lease.points, lease.endsMs - Date.now());
    const result = await this.#limiter.consume(key, points - atHand).catch((thrown: unknown) => {
      if (!(thrown instanceof RateLimiterRes)) throw thrown;
      return thrown;
    });
    lease.remaining = Math.max(0, result.remainingPoints);
    return verdict(true, lease.remaining, result.msBeforeNext);
  }

  /** The error for a refused request. */
  refusal(whose: string, result: RateVerdict): GrapevineError {
    const { perSecond, burst } = this.rate;
    return new GrapevineError(
      'RATE_LIMITED',
      `Too many requests from ${whose}; allowed are ${perSecond} per second with bursts of ${burst}.`,
      { retryAfterSeconds: result.resetSeconds },
    );
  }

  async #consume(key: string): Promise<RateVerdict> {
    const lease = this.#leases.get(key) ?? { points: 0, endsMs: 0, remaining: 0 };
    this.#leases.set(key, lease);
    const points = Math.max(1, Math.min(leasePoints, Math.floor(lease.remaining / leaseShare)));
    try {
      const { remainingPoints, msBeforeNext } = await this.#limiter.consume(key, points);
      const endsMs = Date.now() + msBeforeNext;
      // What is left of an earlier lease belongs to a second that is over.
      lease.points = (lease.endsMs > Date.now() ? lease.points : 0) + points - 1;
      lease.endsMs = endsMs;
      lease.remaining = remainingPoints;
      return verdict(true, remainingPoints + lease.points, msBeforeNext);
    } catch (thrown) {
      // The library rejects with this class for "too many" and with an Error when it fails: only the first is a 429.
      if (!(thrown instanceof RateLimiterRes)) throw thrown;
      lease.remaining = 0;
      return verdict(false, 0, thrown.msBeforeNext);
    }
  }
}

function verdict(allowed: boolean, remaining: number, msBeforeNext: number): RateVerdict {
  return { allowed, remaining, resetSeconds: Math.max(1, Math.ceil(msBeforeNext / 1_000)) };
}
