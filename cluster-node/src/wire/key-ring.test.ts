import assert from 'node:assert/strict';
import { scryptSync } from 'node:crypto';
import { test } from 'node:test';
import { clusterKeyOf, keyRingOf } from './key-ring.ts';

const passphrase = 'n3Zc0VbG7yqLhX2mWkT9sRjD5uPfA8eI';

test('a key is scrypt of the passphrase with a fixed salt', async () => {
  const { N, r, p } = { N: 32_768, r: 8, p: 1 };
  const expected = scryptSync(passphrase, 'grapevine-cluster-key-v1', 32, { N, r, p, maxmem: 2 ** 26 });
  const key = await clusterKeyOf(passphrase);
  assert.deepEqual(Buffer.from(key.secret), expected);
  assert.deepEqual(keyRingOf([key.secret]).sealing, key);
});

test('the id of a key is the start of a labelled SHA-256', () => {
  const ring = keyRingOf([new Uint8Array(32), new Uint8Array(32).fill(1)]);
  assert.deepEqual(
    ring.opening.map(({ id }) => id),
    ['3ce3a3c9', '77c17434'],
  );
});

test('keys that are not 32 bytes, or no keys at all, are refused', () => {
  assert.throws(() => keyRingOf([new Uint8Array(31)]), RangeError);
  assert.throws(() => keyRingOf([]), RangeError);
});
