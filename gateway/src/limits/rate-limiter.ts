import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { BoundedMap } from './bounded-map.ts';
import { type OpenPointStore, openMemoryPoints, type PointStore, type Rate, stockSeconds } from './point-store.ts';

/** What the admin listener shows of a rate. */
export interface RateStatus extends Rate {
  readonly per: string;
  /** Callers that are remembered now. */
  readonly tracked: number;
  /** Requests that were refused. */
  readonly refused: number;
}

/** How a request fared. */
export interface RateVerdict {
  readonly allowed: boolean;
  /** Requests left in the current second, not counting what is left of the burst. */
  readonly remaining: number;
  /** Whole seconds until that number is full again; when refused, until trying again makes sense. */
  readonly resetSeconds: number;
}

/** Points of a key that have been taken from the store and not been given out yet. */
interface Lease {
  points: number;
  /** When they are worth nothing any more, by the clock that the store reads. */
  endsMs: number;
  /** What the store had left when they were taken. */
  remaining: number;
  /** Until then the store has nothing, and need not be asked. */
  refusedUntilMs: number;
}

/**
 * Points taken at once from a key that is far from its limit: asking for each would cost more than the rest of a request's
 * checks. Never more than a fourth of what is left, so that a key near its limit is counted one by one. They are paid for
 * when they are taken: nobody ever gets more than the limit, and of several processes that share it each can leave at most
 * so many unused at the end of a second.
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
  readonly #store: PointStore;
  readonly #leases: BoundedMap<string, Lease>;
  #refused = 0;

  constructor(name: string, rate: Rate, maxKeys: number, open: OpenPointStore = openMemoryPoints) {
    this.name = name;
    this.rate = rate;
    const stock = rate.burst - rate.perSecond;
    const lastingPolicy = `"${name}";q=${rate.perSecond};w=1`;
    this.policy = stock === 0 ? lastingPolicy : `${lastingPolicy}, "${name}-burst";q=${stock};w=${stockSeconds(rate)}`;
    this.#store = open(name, rate, maxKeys);
    this.#leases = new BoundedMap(maxKeys);
  }

  /** Keys that are remembered now. */
  get tracked(): number {
    return this.#leases.size;
  }

  status(): RateStatus {
    return { per: this.name, ...this.rate, tracked: this.tracked, refused: this.#refused };
  }

  /** Charges `key` with one request; answers at once as long as points are at hand. Rejects only when the limiter is broken. */
  charge(key: string): RateVerdict | Promise<RateVerdict> {
    const lease = this.#leases.get(key);
    if (lease === undefined) return this.#consume(key);
    // The clock that the store reads.
    const nowMs = Date.now();
    if (lease.refusedUntilMs > nowMs) return this.#refuse(lease.refusedUntilMs - nowMs);
    const msLeft = lease.endsMs - nowMs;
    if (lease.points === 0 || msLeft <= 0) return this.#consume(key);
    lease.points--;
    return verdict(true, lease.remaining + lease.points, msLeft);
  }

  /**
   * Charges `key` with `points` more for a request that was let through already. It is never refused: what goes beyond the
   * limit counts against the requests after it.
   */
  async chargeMore(key: string, points: number): Promise<RateVerdict> {
    const lease = this.#leaseOf(key);
    const atHand = lease.endsMs > Date.now() ? Math.min(lease.points, points) : 0;
    lease.points -= atHand;
    if (points === atHand) return verdict(true, lease.remaining + lease.points, lease.endsMs - Date.now());
    const { remaining, msBeforeNext } = await this.#store.take(key, points - atHand);
    lease.remaining = remaining;
    return verdict(true, remaining, msBeforeNext);
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

  #leaseOf(key: string): Lease {
    const lease = this.#leases.get(key) ?? { points: 0, endsMs: 0, remaining: 0, refusedUntilMs: 0 };
    this.#leases.set(key, lease);
    return lease;
  }

  #refuse(msBeforeNext: number): RateVerdict {
    this.#refused++;
    return verdict(false, 0, msBeforeNext);
  }

  async #consume(key: string): Promise<RateVerdict> {
    const lease = this.#leaseOf(key);
    const points = Math.max(1, Math.min(leasePoints, Math.floor(lease.remaining / leaseShare)));
    const { allowed, remaining, msBeforeNext } = await this.#store.take(key, points);
    lease.remaining = remaining;
    if (!allowed) {
      // Others who share the key may have been faster; what is wished for one by one is not lost by that.
      if (points > 1) return this.#consume(key);
      lease.refusedUntilMs = Date.now() + msBeforeNext;
      return this.#refuse(msBeforeNext);
    }
    // What is left of an earlier lease belongs to a second that is over.
    lease.points = (lease.endsMs > Date.now() ? lease.points : 0) + points - 1;
    lease.endsMs = Date.now() + msBeforeNext;
    return verdict(true, remaining + lease.points, msBeforeNext);
  }
}

function verdict(allowed: boolean, remaining: number, msBeforeNext: number): RateVerdict {
  return { allowed, remaining, resetSeconds: Math.max(1, Math.ceil(msBeforeNext / 1_000)) };
}
