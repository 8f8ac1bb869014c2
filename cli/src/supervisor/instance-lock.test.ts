import assert from 'node:assert/strict';
import { readdir, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { temporaryFolder } from '@grapevine/test/fixtures/temporary-folder.ts';
import { lockDataDir } from './instance-lock.ts';

const us = { pid: process.pid, isAlive: (pid: number) => pid === process.pid || pid === process.ppid };
const them = { ...us, pid: process.ppid };

test('one holder at a time; the other is told who has it', async () => {
  await using folder = await temporaryFolder();
  const unlock = await lockDataDir(folder.path, us);
  await assert.rejects(lockDataDir(folder.path, them), {
    code: 'DATA_DIR_IN_USE',
    message: new RegExp(`already runs from ${folder.path} \\(process ${process.pid}\\).*--data-dir.*--base-port`),
  });
  await unlock();
  await (await lockDataDir(folder.path, them))();
  assert.deepEqual(await readdir(folder.path), []);
});

test('a lock left by a dead process, by a namesake or by nobody does not count', async () => {
  await using folder = await temporaryFolder();
  for (const left of ['999999999 1', `${process.ppid} another-start`, '', 'not a number']) {
    await writeFile(`${folder.path}/up.lock`, left);
    await (await lockDataDir(folder.path, us))();
  }
});
