import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { claimFolder } from './folder-owner.ts';

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'grapevine-owner-'));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}

test('a folder belongs to the node that claims it first', (t) => {
  const path = folder(t);
  claimFolder(path, 'node-1');
  claimFolder(path, 'node-1');
  assert.throws(() => claimFolder(path, 'node-2'), {
    code: 'DATA_DIR_FOREIGN',
    message: /belongs to node-1, this is node-2/,
  });
  assert.equal(readFileSync(join(path, 'owner'), 'utf8'), 'node-1\n');
});

test('a claim that a crash interrupted is nobody’s', (t) => {
  const path = folder(t);
  writeFileSync(join(path, 'owner'), '');
  claimFolder(path, 'node-2');
  assert.throws(() => claimFolder(path, 'node-1'), { code: 'DATA_DIR_FOREIGN' });
});

test('a folder that cannot be written is unusable', (t) => {
  assert.throws(() => claimFolder(join(folder(t), 'gone'), 'node-1'), { code: 'DATA_DIR_UNUSABLE', message: /gone/ });
});
