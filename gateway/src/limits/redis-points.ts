import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { RedisLimitsConfig } from '@grapevine/shared/config/schema.ts';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { createClient } from '@redis/client';
import CircuitBreaker from 'opossum';
import type { Logger } from 'pino';
import { RateLimiterRedis } from 'rate-limiter-flexible';
import {
  type CountedIn,
  CountedPoints,
  MemoryPoints,
  type OpenPointStore,
  type PointSource,
  type PointStore,
  type PointsTaken,
  type Rate,
  windowsOf,
} from './point-store.ts';

/** Commands that wait for Redis: far more than a gateway sends before the breaker opens, and a bound for what it holds then. */
const maxCommands = 50_000;
/** Redis is left alone for so long after it failed; then one caller tries. */
const restMs = 1_000;
/** Between two attempts to connect. */
const reconnectMs = 250;
/** How long a start waits for the connection. Without one, counting begins in memory. */
const firstConnectMs = 1_000;
/** A connection is asked for a sign of life so often, and closed when there is none for three times as long. */
const pingMs = 1_000;

interface Wish {
  readonly shared: PointStore;
  readonly insurance: PointStore;
  readonly key: string;
  readonly points: number;
}

/**
 * Points in Redis, for all gateways that use it, and in this gateway's memory while Redis is away.
 *
 * A request waits `timeoutMs` for Redis at most. After one failure a breaker stays open for a second, in which nobody asks,
 * and then one request at a time tries again: a Redis that hangs costs all others nothing.
 *
 * While it is away each of `gateways` gives out its share of the rate, whose counts it keeps while Redis comes and goes.
 * So nobody gets more than twice the rate and twice the burst, counted over any time: once what Redis allowed and once what
 * the gateways did. Only a Redis that comes back without its data begins anew, as the gateways do when they are restarted.
 *
 * Keys live in Redis as long as their window lasts, about 100 bytes each: `maxKeys` does not count there.
 */
export class RedisPoints implements PointSource {
  readonly #client: ReturnType<typeof createClient>;
  readonly #gateways: number;
  readonly #breaker: CircuitBreaker<[Wish], PointsTaken>;
  #lastReason = '';

  private constructor({ url, passwordFile, timeoutMs, gateways }: RedisLimitsConfig, log: Logger) {
    this.#gateways = gateways;
    const password = passwordFile === undefined ? undefined : passwordIn(passwordFile);
    this.#client = createClient({
      url,
      ...(password === undefined ? {} : { password }),
      disableOfflineQueue: true,
      commandsQueueMaxLength: maxCommands,
      pingInterval: pingMs,
      socket: { connectTimeout: firstConnectMs, socketTimeout: 3 * pingMs, reconnectStrategy: reconnectMs },
    });
    this.#client.on('error', (error: Error) => this.#failed(error));
    this.#breaker = new CircuitBreaker(({ shared, key, points }) => shared.take(key, points), {
      name: 'redis',
      timeout: timeoutMs,
      resetTimeout: restMs,
      // Any failure opens it: nothing is lost by counting in memory for a second.
      errorThresholdPercentage: 0,
      volumeThreshold: 0,
      rollingPercentilesEnabled: false,
      enableSnapshots: false,
    });
    this.#breaker.fallback(({ insurance, key, points }: Wish) => insurance.take(key, points));
    this.#breaker.on('failure', (error: Error) => this.#failed(error));
    this.#reportChanges(log);
  }

  /** Connects, if Redis is there; otherwise goes on trying. Throws `CONFIG_INVALID` when the password cannot be read. */
  static async open(config: RedisLimitsConfig, log: Logger): Promise<RedisPoints> {
    const points = new RedisPoints(config, log);
    // It rejects only once it is stopped: before, it tries again without end.
    const connected = points.#client.connect().catch(() => {});
    await Promise.race([connected, delay(firstConnectMs, undefined, { ref: false })]);
    return points;
  }

  get countedIn(): CountedIn {
    return this.#breaker.closed ? 'redis' : 'insurance';
  }

  readonly open: OpenPointStore = (name, rate, maxKeys) => {
    const windows = windowsOf(rate, `grapevine:${name}:${rate.perSecond}/${rate.burst}`);
    const place = { storeClient: this.#client, useRedisPackage: true, rejectIfRedisNotReady: true };
    const shared = new CountedPoints(
      new RateLimiterRedis({ ...place, ...windows.lasting }),
      new RateLimiterRedis({ ...place, ...windows.stock }),
    );
    const insurance = new MemoryPoints(shareOf(rate, this.#gateways), maxKeys);
    return { take: (key, points) => this.#breaker.fire({ shared, insurance, key, points }) };
  };

  stop(): void {
    this.#breaker.shutdown();
    this.#client.destroy();
  }

  #failed(error: Error): void {
    this.#lastReason = error.message;
  }

  #reportChanges(log: Logger): void {
    let away = false;
    this.#breaker.on('open', () => {
      if (!away) log.warn({ reason: this.#lastReason }, 'Redis is away: rates are counted in memory');
      away = true;
    });
    this.#breaker.on('close', () => {
      if (away) log.info('Redis is back: rates are counted there');
      away = false;
    });
  }
}

/** What one of `gateways` gives out when each counts for itself; at least one request a second. */
function shareOf({ perSecond, burst }: Rate, gateways: number): Rate {
  return { perSecond: Math.ceil(perSecond / gateways), burst: Math.ceil(burst / gateways) };
}

function passwordIn(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new GrapevineError('CONFIG_INVALID', `Cannot read the password for Redis: ${reason}`);
  }
}
