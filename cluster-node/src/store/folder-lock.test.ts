import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { lockFolder } from './folder-lock.ts';

const folder = mkdtempSync(join(tmpdir(), 'grapevine-lock-'));
after(() => rmSync(folder, { recursive: true }));

function isTaken(error: unknown): boolean {
  return error instanceof GrapevineError && error.code === 'DATA_DIR_IN_USE' && error.message.includes(folder);
}

describe('the lock of a data folder', () => {
  test('keeps a second holder out until it is released', () => {
    const lock = lockFolder(folder);
    assert.throws(() => lockFolder(folder), isTaken);
    lock.release();
    lockFolder(folder).release();
    assert.deepEqual(readdirSync(folder), ['lock']);
  });

  test('keeps other processes out, and ends with the one that holds it, however that ends', async () => {
    const code = `import { lockFolder } from ${JSON.stringify(new URL('folder-lock.ts', import.meta.url).href)};
      lockFolder(${JSON.stringify(folder)});
      console.log('locked');
      setInterval(() => {}, 1000);`;
    const holder = spawn(process.execPath, ['--input-type=module', '-e', code], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(holder.stdout, 'data');
    assert.throws(() => lockFolder(folder), isTaken);
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    lockFolder(folder).release();
  });

  test('says what is wrong with a folder that cannot be locked', () => {
    assert.throws(
      () => lockFolder(join(folder, 'nowhere')),
      (error) => error instanceof GrapevineError && error.code === 'DATA_DIR_UNUSABLE' && /nowhere/.test(error.message),
    );
  });
});
