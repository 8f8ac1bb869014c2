import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GrapevineError } from '../errors/grapevine-error.ts';
import { parsePassphrases } from './passphrases.ts';

const newer = 'n3Zc0VbG7yqLhX2mWkT9sRjD5uPfA8eI';
const older = 'oQ1xJ6tYbM4vKzC8nHdS2wEgU7rLpF0a';

test('one a line, in their order; blank lines and ends of lines do not count', () => {
  assert.deepEqual(parsePassphrases(`\n${newer}\r\n\n  ${older}\n`, 'The file'), [newer, older]);
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
      () => parsePassphrases(text, 'The file'),
      (error) =>
        error instanceof GrapevineError &&
        error.code === 'CONFIG_INVALID' &&
        expected.test(error.message) &&
        !error.message.includes(newer.slice(0, 8)),
    );
  });
}
