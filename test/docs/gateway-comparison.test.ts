import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { root } from '../runner/test-files.ts';

test('every feature of the comparison names a test that is there', () => {
  const page = readFileSync(join(root, 'docs/gateway.md'), 'utf8');
  const rows = (page.split('## Beside others')[1] ?? '').split('\n').filter((line) => /^\| [^-|]/.test(line));
  assert.ok(rows.length > 25);
  for (const row of rows) {
    const [, feature = '', ours = ''] = row.split('|').map((cell) => cell.trim());
    assert.equal(row.split('|').length, 11, feature);
    const files = [...ours.matchAll(/\]\(\.\.\/([^)]+)\)/g)].map(([, file]) => file ?? '');
    assert.ok(files.length > 0, `${feature}: ${ours}`);
    for (const file of files)
      assert.ok(file.endsWith('.test.ts') && existsSync(join(root, file)), `${feature}: ${file}`);
  }
});
