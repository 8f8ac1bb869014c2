import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryPoints } from './point-store.ts';
import { KeyedRateLimiter } from './rate-limiter.ts';

async function allowed(limiter: KeyedRateLimiter, key: string, count: number): Promise<number> {
  const verdicts = await Promise.all(Array.from({ length: count }, () => limiter.charge(key)));
  return verdicts.filter((verdict) => verdict.allowed).length;
}

test('a key gets its burst at once, whatever other keys do', async () => {
  const limiter = new KeyedRateLimiter('x', { perSecond: 10, burst: 25 }, 100);
  assert.equal(await allowed(limiter, 'a', 60), 25);
  assert.equal(await allowed(limiter, 'b', 5), 5);
});

test('the burst returns ten times slower than the rate, which bounds what lasts at a tenth above it', (t) => {
  t.mock.timers.enable({ apis: ['Date', 'setTimeout'] });
  return (async () => {
    const limiter = new KeyedRateLimiter('x', { perSecond: 10, burst: 20 }, 100);
    let total = 0;
    for (let second = 0; second < 100; second++) {
      total += await allowed(limiter, 'a', 50);
      t.mock.timers.tick(1_000);
    }
    assert.equal(total, 100 * 10 + 10 * 10);
  })();
});

test('without a stock only the rate is announced', () => {
  assert.equal(new KeyedRateLimiter('x', { perSecond: 7, burst: 7 }, 1).policy, '"x";q=7;w=1');
  assert.equal(new KeyedRateLimiter('x', { perSecond: 7, burst: 8 }, 1).policy, '"x";q=7;w=1, "x-burst";q=1;w=2');
});

test('no more keys are kept than allowed; a forgotten one starts afresh', async () => {
  const limiter = new KeyedRateLimiter('x', { perSecond: 1, burst: 3 }, 3);
  assert.equal(await allowed(limiter, 'a', 5), 3);
  for (let key = 0; key < 1_000; key++) await limiter.charge(`other ${key}`);
  assert.equal(limiter.tracked, 3);
  assert.equal(await allowed(limiter, 'a', 5), 3);
});

test('a refused key is not forgotten for asking again', async () => {
  const limiter = new KeyedRateLimiter('x', { perSecond: 1, burst: 1 }, 2);
  await limiter.charge('a');
  for (let key = 0; key < 10; key++) {
    await limiter.charge(`other ${key}`);
    assert.equal((await limiter.charge('a')).allowed, false);
  }
});

test('the store is asked for many points at once, and not at all about a caller whose second is used up', async (t) => {
  t.mock.timers.enable({ apis: ['Date', 'setTimeout'] });
  let asked = 0;
  const limiter = new KeyedRateLimiter('x', { perSecond: 100, burst: 100 }, 10, (_name, rate, maxKeys) => {
    const points = new MemoryPoints(rate, maxKeys);
    return {
      take: (key, count) => {
        asked++;
        return points.take(key, count);
      },
    };
  });
  let passed = 0;
  for (let count = 0; count < 100; count++) if ((await limiter.charge('a')).allowed) passed++;
  assert.equal(passed, 100);
  assert.ok(asked < 50, `asked ${asked} times for 100 points`);
  const before = asked;
  for (let count = 0; count < 1_000; count++) assert.equal((await limiter.charge('a')).allowed, false);
  assert.ok(asked - before <= 1, `asked ${asked - before} times about 1,000 refused requests`);
  assert.equal(limiter.status().refused, 1_000);
  t.mock.timers.tick(1_000);
  assert.equal((await limiter.charge('a')).allowed, true);
});
