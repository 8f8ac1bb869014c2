import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { toHex } from '@grapevine/shared/log/bytes.ts';
import { signerFromKey } from './ed25519.ts';
import { readOrCreateOriginKey, retireOriginKey } from './origin-key.ts';

const root = mkdtempSync(join(tmpdir(), 'grapevine-key-'));
after(() => rmSync(root, { recursive: true }));

describe('the key of an origin', () => {
  test('is made at the first start, kept for its owner alone, and the same ever after', () => {
    const folder = join(root, 'a');
    const secret = readOrCreateOriginKey(folder);
    assert.equal(toHex(readOrCreateOriginKey(folder)), toHex(secret));
    assert.equal(statSync(join(folder, 'origin.key')).mode & 0o777, 0o600);
    assert.deepEqual(readdirSync(folder), ['origin.key']);
    assert.match(signerFromKey(secret).origin, /^[0-9a-f]{32}$/);
    assert.notEqual(toHex(readOrCreateOriginKey(join(root, 'b'))), toHex(secret));
  });

  test('is put aside for good when it is retired', () => {
    const folder = join(root, 'retired');
    const secret = readOrCreateOriginKey(folder);
    const { origin } = signerFromKey(secret);
    retireOriginKey(folder, origin);
    assert.deepEqual(readdirSync(folder), [`retired-${origin}.key`]);
    assert.notEqual(toHex(readOrCreateOriginKey(folder)), toHex(secret));
    assert.equal(readFileSync(join(folder, `retired-${origin}.key`), 'latin1'), `${toHex(secret)}\n`);
  });

  test('is made anew when the first attempt was interrupted', () => {
    const folder = mkdtempSync(join(root, 'c'));
    writeFileSync(join(folder, 'origin.key.new'), 'half a k');
    const secret = readOrCreateOriginKey(folder);
    assert.equal(secret.length, 32);
    assert.equal(toHex(readOrCreateOriginKey(folder)), toHex(secret));
  });

  test('that is not one is damage, never silently replaced', () => {
    const folder = mkdtempSync(join(root, 'd'));
    for (const content of ['', 'x', 'ab'.repeat(31), `${'AB'.repeat(32)}\n`, `${'ab'.repeat(32)}\n\n`]) {
      writeFileSync(join(folder, 'origin.key'), content);
      assert.throws(
        () => readOrCreateOriginKey(folder),
        (error) => error instanceof GrapevineError && error.code === 'DATA_DAMAGED',
      );
    }
  });

  test('in a place that cannot be used is an error that names it', () => {
    const file = join(root, 'file');
    writeFileSync(file, '');
    assert.throws(
      () => readOrCreateOriginKey(join(file, 'folder')),
      (error) => error instanceof GrapevineError && error.code === 'DATA_DIR_UNUSABLE' && error.message.includes(file),
    );
  });
});
