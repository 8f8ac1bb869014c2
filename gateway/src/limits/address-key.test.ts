import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressOf, rateKeyOf } from './address-key.ts';

test('an IPv4 address that came through an IPv6 socket is the IPv4 address', () => {
  assert.equal(addressOf('::ffff:10.1.2.3'), '10.1.2.3');
  assert.equal(addressOf('10.1.2.3'), '10.1.2.3');
  assert.equal(addressOf('2001:db8::1'), '2001:db8::1');
  assert.equal(addressOf(undefined), 'unknown');
});

test('IPv4 counts by address, IPv6 by its /64 network however it is written', () => {
  assert.equal(rateKeyOf('10.1.2.3'), '10.1.2.3');
  const network = '2001:db8:1:2::/64';
  for (const address of ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::', '2001:db8:1:2::9', '2001:db8:1:2:0:0:1.2.3.4']) {
    assert.equal(rateKeyOf(address), network);
  }
  assert.equal(rateKeyOf('2001:db8::1'), '2001:db8:0:0::/64');
  assert.equal(rateKeyOf('::1'), '0:0:0:0::/64');
  assert.equal(rateKeyOf('fe80::1%eth0'), 'fe80:0:0:0::/64');
  assert.notEqual(rateKeyOf('2001:db8:1:3::9'), network);
});
