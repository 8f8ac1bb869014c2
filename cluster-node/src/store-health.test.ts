import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { StoreHealth } from './store-health.ts';

const full = new GrapevineError('DISK_FULL', 'no room');

async function sample(registry: Registry, series: string): Promise<number> {
  const line = (await registry.metrics()).split('\n').find((one) => one.startsWith(`${series} `));
  return Number(line?.slice(series.length));
}

test('a disk that hangs shows while the write waits, and in the histogram when it has ended', async () => {
  const registry = new Registry();
  const health = new StoreHealth(registry, pino({ level: 'silent' }));
  const oldest = () => sample(registry, 'grapevine_store_oldest_write_seconds');
  assert.equal(await oldest(), 0);
  health.begun();
  health.begun();
  assert.ok((await oldest()) > 0);
  health.ended(100);
  assert.ok((await oldest()) > 0, 'the second one still waits');
  health.ended(undefined);
  assert.equal(await oldest(), 0);
  assert.equal(await sample(registry, 'grapevine_store_write_seconds_count'), 1, 'one that failed took no time');
  assert.equal(await sample(registry, 'grapevine_store_written_bytes_total'), 100);
});

test('trouble shows until it is over, and whoever waits for that is told each time', async () => {
  const registry = new Registry();
  const health = new StoreHealth(registry, pino({ level: 'silent' }));
  let told = 0;
  health.onRecovered(() => told++);
  assert.equal(await sample(registry, 'grapevine_store_writable'), 1);
  for (const times of [1, 2]) {
    health.failed(full);
    assert.equal(health.trouble, full);
    assert.equal(await sample(registry, 'grapevine_store_writable'), 0);
    assert.equal(await sample(registry, 'grapevine_store_failures_total{code="DISK_FULL"}'), times);
    health.recovered();
    assert.equal(health.trouble, undefined);
    assert.equal(await sample(registry, 'grapevine_store_writable'), 1);
    assert.equal(told, times);
  }
});

test('a disk that hangs for long counts as one that takes nothing, until it answers', async () => {
  const registry = new Registry();
  const log = pino({ level: 'silent' });
  const [patient, health] = [new StoreHealth(new Registry(), log), new StoreHealth(registry, log, 0)];
  assert.equal(patient.refusal, undefined);
  patient.begun();
  assert.equal(patient.refusal, undefined, 'it has only just begun');
  health.begun();
  assert.equal(health.refusal?.code, 'DISK_FAILED');
  assert.match(health.refusal.message, /has not ended a write for 0 s/);
  assert.equal(await sample(registry, 'grapevine_store_writable'), 0);
  health.failed(full);
  assert.equal(health.refusal, full);
});
