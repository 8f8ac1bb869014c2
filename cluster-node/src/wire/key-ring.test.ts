import assert from 'node:assert/strict';
import { scryptSync } from 'node:crypto';
import { test } from 'node:test';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { keyRingFromPassphrases, keyRingOf } from './key-ring.ts';

const newer = 'n3Zc0VbG7yqLhX2mWkT9sRjD5uPfA8eI';
const older = 'oQ1xJ6tYbM4vKzC8nHdS2wEgU7rLpF0a';

test('the first line seals, all lines open, blank lines and ends of lines do not count', () => {
  const ring = keyRingFromPassphrases(`\n${newer}\r\n\n  ${older}\n`, 'The file');
  const { N, r, p } = { N: 32_768, r: 8, p: 1 };
  const derive = (text: string): Buffer =>
    scryptSync(text, 'grapevine-cluster-key-v1', 32, { N, r, p, maxmem: 2 ** 26 });
  assert.deepEqual(
    ring.opening.map(({ secret }) => Buffer.from(secret)),
    [derive(newer), derive(older)],
  );
  assert.equal(ring.sealing, ring.opening[0]);
});

test('the id of a key is the start of a labelled SHA-256', () => {
  const ring = keyRingOf([new Uint8Array(32), new Uint8Array(32).fill(1)]);
  assert.deepEqual(
    ring.opening.map(({ id }) => id),
    ['3ce3a3c9', '77c17434'],
  );
});

const refused: Record<string, [text: string, expected: RegExp]> = {
  'an empty file': ['\n \n', /holds 0 passphrases; expected 1 to 8/],
  'too many lines': [Array.from({ length: 9 }, (_, i) => newer + i).join('\n'), /holds 9 passphrases/],
  'a short passphrase': [`${newer}\n${older.slice(1)}`, /passphrase 2 has 31 characters; expected 32 to 4096/],
  'an endless passphrase': ['x'.repeat(4_097), /passphrase 1 has 4097 characters/],
  'a passphrase twice': [`${newer}\n${newer}`, /holds a passphrase twice/],
};
for (const [name, [text, expected]] of Object.entries(refused)) {
  test(`refuses ${name} without showing it`, () => {
    assert.throws(
      () => keyRingFromPassphrases(text, 'The file'),
      (error) =>
        error instanceof GrapevineError &&
        error.code === 'CONFIG_INVALID' &&
        expected.test(error.message) &&
        !error.message.includes(newer.slice(0, 8)),
    );
  });
}

test('keys that are not 32 bytes, or no keys at all, are refused', () => {
  assert.throws(() => keyRingOf([new Uint8Array(31)]), RangeError);
  assert.throws(() => keyRingOf([]), RangeError);
});
