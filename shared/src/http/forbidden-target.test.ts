import assert from 'node:assert/strict';
import { test } from 'node:test';
import { forbiddenTarget, guardedLookup } from './forbidden-target.ts';

test('link-local and metadata addresses are forbidden, however they are written', () => {
  const hosts = ['169.254.169.254', '169.254.0.1', '[fe80::1]', 'fe80::1%eth0', 'febf::1', '::ffff:169.254.169.254'];
  for (const host of [...hosts, '[fd00:ec2::254]', '100.100.100.200', 'metadata.google.internal', 'METADATA']) {
    assert.match(forbiddenTarget(host) ?? '', /link-local or metadata/, host);
  }
  for (const url of [
    'http://2852039166',
    'http://0xa9fea9fe',
    'http://0251.0376.0251.0376',
    'http://[::ffff:a9fe:a9fe]',
  ]) {
    assert.match(forbiddenTarget(new URL(url).hostname) ?? '', /link-local or metadata/, url);
  }
});

test('others are not', () => {
  for (const host of [
    '127.0.0.1',
    '10.0.0.1',
    '169.253.0.1',
    '[::1]',
    'fec0::1',
    '[fd00::1]',
    'web.internal',
    'metadata.example',
  ]) {
    assert.equal(forbiddenTarget(host), undefined, host);
  }
});

test('a name is looked up, and refused for where it leads', async () => {
  const look = (host: string, all: boolean): Promise<unknown> =>
    new Promise((resolve, reject) => {
      guardedLookup(host, { all }, (error, address) => (error === null ? resolve(address) : reject(error)));
    });
  assert.equal(await look('127.0.0.1', false), '127.0.0.1');
  for (const all of [true, false]) await assert.rejects(look('169.254.169.254', all), /link-local or metadata/);
});
