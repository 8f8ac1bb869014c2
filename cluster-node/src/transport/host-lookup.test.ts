import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '@grapevine/shared/clock.ts';
import { HostLookup } from './host-lookup.ts';

/** A name server that knows one host and counts what it is asked. */
function fixture() {
  const clock = new ManualClock();
  const asked: string[] = [];
  const hosts = new HostLookup(async (host, family) => {
    asked.push(host);
    if (host !== 'node-1') throw Object.assign(new Error('no such host'), { code: 'ENOTFOUND' });
    return { address: '10.0.0.1', family };
  }, clock);
  const lookup = (host: string): Promise<string> =>
    new Promise((resolve) => hosts.lookup(host, 4, (error, address) => resolve(error?.code ?? address)));
  return { clock, asked, hosts, lookup };
}

test('an address is its own answer, at once', () => {
  const { asked, hosts } = fixture();
  const answers: unknown[] = [];
  hosts.lookup('127.0.0.1', 4, (...answer) => answers.push(answer));
  hosts.lookup('::1', 6, (...answer) => answers.push(answer));
  assert.deepEqual(answers, [
    [null, '127.0.0.1', 4],
    [null, '::1', 6],
  ]);
  assert.deepEqual(asked, []);
});

test('an address of many machines, or of none, is no answer, whether a record or a name server gives it', async () => {
  const { lookup, clock } = fixture();
  const nobody = ['224.0.0.1', '239.1.2.3', '255.255.255.255', '0.0.0.0', '::', 'ff02::1', '::ffff:224.0.0.1'];
  for (const address of nobody) assert.equal(await lookup(address), 'EADDRNOTAVAIL', address);
  const hosts = new HostLookup(async () => ({ address: '224.0.0.1', family: 4 }), clock);
  const code = await new Promise((resolve) => hosts.lookup('3758096385', 4, (error) => resolve(error?.code)));
  assert.equal(code, 'EADDRNOTAVAIL');
});

test('many questions at once and soon after are one query', async () => {
  const { clock, asked, lookup } = fixture();
  assert.deepEqual(await Promise.all([lookup('node-1'), lookup('node-1')]), ['10.0.0.1', '10.0.0.1']);
  clock.advance(4_999);
  await lookup('node-1');
  assert.deepEqual(asked, ['node-1']);
  clock.advance(1);
  await lookup('node-1');
  assert.deepEqual(asked, ['node-1', 'node-1']);
});

test('a failure is remembered no longer than an answer', async () => {
  const { clock, asked, lookup } = fixture();
  assert.equal(await lookup('node-9'), 'ENOTFOUND');
  assert.equal(await lookup('node-9'), 'ENOTFOUND');
  clock.advance(5_000);
  await lookup('node-9');
  assert.equal(asked.length, 2);
});

test('a bounded number of hosts is remembered, the oldest are asked for again', async () => {
  const { asked, lookup } = fixture();
  await lookup('node-1');
  for (let i = 0; i < 1_024; i++) await lookup(`other-${i}`);
  await lookup('other-1023');
  assert.equal(asked.length, 1_025);
  await lookup('node-1');
  assert.equal(asked.length, 1_026);
});
