import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { keyRingFromPassphrases } from '../wire/key-ring.ts';
import { readKeyRing } from './key-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'grapevine-ring-'));
after(() => rmSync(folder, { recursive: true }));
const path = join(folder, 'cluster.key');

/** Whether an error tells the operator which file to correct. */
function namesFile(error: unknown): boolean {
  return error instanceof GrapevineError && error.code === 'CONFIG_INVALID' && error.message.includes(path);
}

test('a file is a ring; one that is not there, or too short, is named', () => {
  assert.throws(() => readKeyRing(path), namesFile);
  writeFileSync(path, 'short\n');
  assert.throws(() => readKeyRing(path), namesFile);
  const passphrase = 'n3Zc0VbG7yqLhX2mWkT9sRjD5uPfA8eI';
  writeFileSync(path, `${passphrase}\n`);
  assert.deepEqual(readKeyRing(path), keyRingFromPassphrases(passphrase, 'The file'));
});
