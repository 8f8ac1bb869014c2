import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openMemoryPoints } from '../limits/point-store.ts';
import { PointBroker, type PointsQuestion } from './shared-points.ts';

const wish: PointsQuestion = {
  kind: 'points',
  name: 'principal',
  perSecond: 5,
  burst: 5,
  maxKeys: 10,
  key: 'alice',
  points: 1,
};

test('whoever asks, a rate is counted once, and another rate of the same name by itself', async (t) => {
  t.mock.timers.enable({ apis: ['Date', 'setTimeout'] });
  const broker = new PointBroker(openMemoryPoints);
  for (let count = 0; count < 5; count++) assert.equal((await broker.take(wish)).allowed, true);
  assert.equal((await broker.take(wish)).allowed, false);
  assert.equal((await broker.take({ ...wish, perSecond: 6, burst: 6 })).allowed, true);
});

test('rates that come and go with changes of the configuration do not add up, and what is in use stays', async () => {
  let opened = 0;
  const broker = new PointBroker((...rate) => {
    opened++;
    return openMemoryPoints(...rate);
  });
  await broker.take(wish);
  for (let burst = 6; burst < 3_000; burst++) {
    await broker.take({ ...wish, burst });
    if (burst % 500 === 0) await broker.take(wish);
  }
  assert.equal(opened, 2_995, 'the first one was opened once');
});
