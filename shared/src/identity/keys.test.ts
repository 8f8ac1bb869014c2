import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { GrapevineError } from '../errors/grapevine-error.ts';
import { readKeyFile } from './keys.ts';

const folder = mkdtempSync(join(tmpdir(), 'grapevine-keys-'));
after(() => rmSync(folder, { recursive: true }));

function fileWith(text: string): string {
  const path = join(folder, 'passphrase');
  writeFileSync(path, text);
  return path;
}

const passphrase = 'n3Zc0VbG7yqLhX2mWkT9sRjD5uPfA8eI';

test('the key is HKDF-SHA256 of the trimmed passphrase with the purpose as info', () => {
  // RFC 5869 spelled out for one block: extract with a salt of zeros, expand with info and the counter 1.
  const prk = createHmac('sha256', Buffer.alloc(32)).update(passphrase).digest();
  const expected = createHmac('sha256', prk).update('grapevine edge-identity\x01').digest();
  assert.deepEqual(Buffer.from(readKeyFile(fileWith(`\n ${passphrase}\n`), 'edge-identity')), expected);
});

test('another purpose gives an unrelated key', () => {
  const path = fileWith(passphrase);
  assert.notDeepEqual(readKeyFile(path, 'edge-identity'), readKeyFile(path, 'node-identity'));
});

test('only the first line counts, so that a retired key may stay below', () => {
  const expected = readKeyFile(fileWith(passphrase), 'node-identity');
  assert.deepEqual(readKeyFile(fileWith(`${passphrase}\r\n${'retired '.repeat(8)}\n`), 'node-identity'), expected);
});

test('a missing file is named', () => {
  assert.throws(
    () => readKeyFile(join(folder, 'absent'), 'edge-identity'),
    (error) =>
      error instanceof GrapevineError &&
      error.code === 'CONFIG_INVALID' &&
      error.message.includes(join(folder, 'absent')),
  );
});

test('a passphrase that is too short or too long is refused with its length', () => {
  assert.throws(
    () => readKeyFile(fileWith(passphrase.slice(1)), 'edge-identity'),
    /has 31 characters on its first line; expected 32/,
  );
  assert.throws(() => readKeyFile(fileWith('x'.repeat(4_097)), 'edge-identity'), /has 4097 characters/);
});
