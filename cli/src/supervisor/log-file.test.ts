import assert from 'node:assert/strict';
import { closeSync, writeSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { temporaryFolder } from '@grapevine/test/fixtures/temporary-folder.ts';
import { boundLog, lastWords, openLog } from './log-file.ts';

test('a log beyond its bound moves aside, and its writer goes on at the new beginning', async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/node-1.log`;
  const { descriptor } = openLog(path);
  writeSync(descriptor, 'first life\n');
  await boundLog(path, 1_000);
  assert.equal(await readFile(path, 'utf8'), 'first life\n');
  await boundLog(path, 5);
  writeSync(descriptor, 'goes on\n');
  closeSync(descriptor);
  assert.equal(await readFile(path, 'utf8'), 'goes on\n');
  assert.equal(await readFile(`${path}.1`, 'utf8'), 'first life\n');
});

test('the last words are the last plain line of this life', async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/node-1.log`;
  await writeFile(path, 'node-1: an older trouble\n');
  const { descriptor, start } = openLog(path);
  closeSync(descriptor);
  assert.equal(lastWords(path, start), undefined);
  await writeFile(path, `{"msg":"x"}\nnode-1: the disk is full\n{"msg":"${'y'.repeat(9_000)}"}\n`, { flag: 'a' });
  assert.equal(lastWords(path, start), undefined, 'only the end of a long log is read');
  await writeFile(path, 'node-1: the disk is full\n{"msg":"bye"}\n\n', { flag: 'a' });
  assert.equal(lastWords(path, start), 'node-1: the disk is full');
  await writeFile(path, '\nTypeError: no\n    at x\n  code: 1\n}\n\nNode.js v26.10.0\n', { flag: 'a' });
  assert.equal(lastWords(path, start), 'TypeError: no');
  await writeFile(path, 'cut\n');
  assert.equal(lastWords(path, 1_000_000), undefined, 'a log that was cut since');
});
