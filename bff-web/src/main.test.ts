import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, test } from 'node:test';

const folder = mkdtempSync(join(tmpdir(), 'bff-web-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Starts the process with this section of the configuration. */
function start(name: string, bffWeb: Record<string, unknown>, edgeKey = 'edge.key'): ChildProcess {
  writeFileSync(join(folder, 'edge.key'), 'e'.repeat(40));
  writeFileSync(join(folder, 'cluster.key'), 'c'.repeat(40));
  const file = join(folder, `${name}.yaml`);
  const secrets = { edgeKeyFile: join(folder, edgeKey), clusterKeyFile: join(folder, 'cluster.key') };
  writeFileSync(file, JSON.stringify({ secrets, bffWeb }));
  const main = new URL('main.ts', import.meta.url).pathname;
  return spawn(process.execPath, [main, '--config', file], { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
}

test('tells its supervisor when it listens, serves, and stops at SIGTERM', async () => {
  const child = start('good', { port: 0, seeds: ['http://127.0.0.1:9'] });
  const [message] = (await once(child, 'message')) as [{ type: string; ports: { http: number } }];
  assert.equal(message.type, 'ready');
  assert.equal((await fetch(`http://127.0.0.1:${message.ports.http}/healthz`)).status, 200);
  child.kill('SIGTERM');
  assert.deepEqual(await once(child, 'exit'), [0, null]);
});

test('says in one line why it cannot start', async () => {
  const child = start('keyless', { port: 0 }, 'missing.key');
  assert.ok(child.stderr !== null);
  const [output, exit] = await Promise.all([text(child.stderr), once(child, 'exit')]);
  assert.deepEqual(exit, [1, null]);
  assert.match(output, /^bff-web: .*missing\.key.*\n$/);
});
