import assert from 'node:assert/strict';
import { mkdtempDisposableSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeFolder } from './make-folder.ts';

test('a folder is made with all above it, for its owner only, and once', () => {
  using temporary = mkdtempDisposableSync(join(tmpdir(), 'grapevine-'));
  const folder = join(temporary.path, 'a', 'b', 'c');
  makeFolder(folder);
  makeFolder(folder);
  assert.equal(statSync(folder).mode & 0o777, 0o700);
});

test('what cannot be made is said: in the place of a file, below one, and where no folders can be', () => {
  using temporary = mkdtempDisposableSync(join(tmpdir(), 'grapevine-'));
  const file = join(temporary.path, 'file');
  writeFileSync(file, '');
  assert.throws(() => makeFolder(file), { code: 'EEXIST' });
  assert.throws(() => makeFolder(join(file, 'folder')), { code: 'ENOTDIR' });
  assert.throws(() => makeFolder('/proc/grapevine'), { code: 'ENOENT' });
  assert.throws(() => makeFolder('/proc/grapevine/data'), { code: 'ENOENT' });
});
