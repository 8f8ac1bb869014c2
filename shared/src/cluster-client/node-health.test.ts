import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '../clock.ts';
import { NodeHealth } from './node-health.ts';

test('a node that fails is left alone for a time that doubles up to a bound', () => {
  const clock = new ManualClock();
  const health = new NodeHealth(clock);
  const waits: number[] = [];
  for (let failure = 0; failure < 9; failure++) {
    health.failed();
    let waited = 0;
    while (!health.usable) {
      clock.advance(100);
      waited += 100;
    }
    waits.push(waited);
  }
  assert.deepEqual(waits, [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000]);
});

test('after its time out a node gets one call at a time until one succeeds', () => {
  const clock = new ManualClock();
  const health = new NodeHealth(clock);
  health.failed();
  clock.advance(100);
  assert.equal(health.usable, true);
  health.begin();
  assert.equal(health.usable, false, 'a second call while the first is under way');
  health.succeeded(5);
  assert.equal(health.usable, true);
  health.end();
});

test('one success forgives all failures', () => {
  const clock = new ManualClock();
  const health = new NodeHealth(clock);
  for (let i = 0; i < 5; i++) health.failed();
  health.succeeded();
  assert.equal(health.usable, true);
  health.failed();
  clock.advance(100);
  assert.equal(health.usable, true, 'the next failure counts as the first');
});

test('load grows with calls in flight and with latency, and old latency fades', () => {
  const clock = new ManualClock();
  const [idle, busy, slow] = [new NodeHealth(clock), new NodeHealth(clock), new NodeHealth(clock)];
  busy.begin();
  slow.succeeded(9_999);
  assert.equal(slow.load, idle.load, 'the first call pays for the connection');
  clock.advance(50);
  slow.succeeded(200);
  assert.ok(idle.load < busy.load);
  assert.ok(busy.load < slow.load);
  clock.advance(60_000);
  assert.ok(slow.load < busy.load, 'a node that was slow once gets another chance');
});
