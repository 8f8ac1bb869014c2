import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, describe, test } from 'node:test';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { OriginLog } from '@grapevine/test/fixtures/origin-log.ts';
import { fsck } from '../fsck.ts';
import { openNodeStore } from './node-store.ts';

const root = mkdtempSync(join(tmpdir(), 'grapevine-node-store-'));
after(() => rmSync(root, { recursive: true }));

/** Commits segments of one origin without end, and prints the size after each that is acknowledged. */
const committer = `
  const { openNodeStore } = await import(${importable('node-store.ts')});
  const { OriginLog } = await import(${importable('../../../test/fixtures/origin-log.ts')});
  const { log } = await openNodeStore(process.argv[1]);
  const origin = new OriginLog(process.argv[2]);
  const body = 'x'.repeat(process.argv[3]);
  for (let i = 0; ; i++) {
    const segment = origin.segment(Array.from({ length: 1 + (i * 37) % 200 }, (_, k) => ({ topic: 't' + (k % 5), body })));
    log.commit([segment]).then(() => console.log(segment.segment.head.size));
    if (i % 3 === 2) await log.commit([]);
  }`;

function importable(path: string): string {
  return JSON.stringify(new URL(path, import.meta.url).href);
}

/** `maxFileKiB`: what the system lets a file grow to. */
function runCommitter(folder: string, origin: string, bodyBytes: number, maxFileKiB?: number): ChildProcess {
  const node = [process.execPath, '--input-type=module', '-e', committer, folder, origin, String(bodyBytes)];
  // The shell counts in blocks of 512 bytes.
  const limit = maxFileKiB === undefined ? '' : `ulimit -f ${2 * maxFileKiB}; `;
  return spawn('sh', ['-c', `${limit}exec "$@"`, 'sh', ...node], { stdio: ['ignore', 'pipe', 'pipe'] });
}

describe('a node store', () => {
  test('has everything acknowledged after a kill at any moment, and is sound', async () => {
    const folder = join(root, 'killed');
    for (const [i, wanted] of [300, 5_000, 1_000].entries()) {
      const child = runCommitter(folder, `origin ${i}`, 10);
      let acknowledged = 0;
      assert.ok(child.stdout !== null);
      for await (const line of createInterface(child.stdout)) {
        acknowledged = Number(line);
        if (acknowledged >= wanted) child.kill('SIGKILL');
      }
      assert.ok(acknowledged >= wanted);
      const report = await fsck(folder);
      assert.deepEqual(report.problems, []);
      const id = new OriginLog(`origin ${i}`).id;
      assert.ok((report.origins.find(({ origin }) => origin === id)?.size ?? 0) >= acknowledged);
      const store = await openNodeStore(folder);
      assert.ok((store.views.vector().get(id) ?? 0) >= acknowledged);
      await store.close();
    }
  });

  test('refuses commits when the disk is full, and keeps what it acknowledged', async () => {
    const folder = join(root, 'full');
    // Enough for the journal's files, which have their size from the start, but not for long for the database.
    const child = runCommitter(folder, 'a', 250, 4200);
    let acknowledged = 0;
    let complaint = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      complaint += chunk.toString();
    });
    assert.ok(child.stdout !== null);
    const exited = once(child, 'exit');
    for await (const line of createInterface(child.stdout)) acknowledged = Number(line);
    const [code] = await exited;
    assert.equal(code, 1, complaint);
    assert.match(complaint, /The store takes no writes/);
    assert.ok(acknowledged > 100);
    assert.deepEqual((await fsck(folder)).problems, []);
    const store = await openNodeStore(folder);
    assert.ok((store.views.vector().get(new OriginLog('a').id) ?? 0) >= acknowledged);
    await store.close();
  });

  test('is for one process at a time', async () => {
    const folder = join(root, 'shared');
    const store = await openNodeStore(folder);
    await assert.rejects(openNodeStore(folder), { code: 'DATA_DIR_IN_USE' });
    await store.close();
    await (await openNodeStore(folder)).close();
  });

  test('says which folder it cannot use', async () => {
    writeFileSync(join(root, 'file'), '');
    await assert.rejects(openNodeStore(join(root, 'file', 'folder')), isUnusable);
    await assert.rejects(openNodeStore(join(root, 'file')), isUnusable);
  });
});

function isUnusable(error: unknown): boolean {
  return error instanceof GrapevineError && error.code === 'DATA_DIR_UNUSABLE' && error.message.includes(root);
}
