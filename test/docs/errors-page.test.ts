import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { catalogue } from '@grapevine/shared/errors/catalogue.ts';
import { root } from '../runner/test-files.ts';
import { errorsPage } from './errors-page.ts';

test('docs/errors.md is what the catalogue says', () => {
  const written = readFileSync(join(root, 'docs/errors.md'), 'utf8');
  assert.ok(written === errorsPage(), 'docs/errors.md is out of date; run: node test/docs/main.ts');
});

test('codes and texts have their form, and fit into a table', () => {
  for (const [code, { status, title, remedy }] of Object.entries(catalogue)) {
    assert.match(code, /^[A-Z]+(_[A-Z]+)*$/);
    assert.ok(status >= 400 && status < 600, code);
    assert.match(title, /^[A-Z][^|\n]*[^.|\n]$/, code);
    assert.match(remedy, /^[A-Z][^|\n]*[^|\n]$/, code);
  }
});
