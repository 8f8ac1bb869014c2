import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, test } from 'node:test';

const folder = mkdtempSync(join(tmpdir(), 'bff-mobile-'));
after(() => rmSync(folder, { recursive: true, force: true }));

writeFileSync(join(folder, 'edge.key'), 'e'.repeat(40));
writeFileSync(join(folder, 'cluster.key'), 'c'.repeat(40));

/** Starts the process with this section of the configuration. */
function start(name: string, bffMobile: Record<string, unknown>, edgeKey = 'edge.key'): ChildProcess {
  const file = join(folder, `${name}.yaml`);
  const secrets = { edgeKeyFile: join(folder, edgeKey), clusterKeyFile: join(folder, 'cluster.key') };
  writeFileSync(file, JSON.stringify({ secrets, bffMobile }));
  const main = new URL('main.ts', import.meta.url).pathname;
  return spawn(process.execPath, [main, '--config', file], { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
}

async function failure(child: ChildProcess): Promise<string> {
  assert.ok(child.stderr !== null);
  const [output, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
  assert.equal(code, 1);
  return output;
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
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const [taken, wrong, keyless] = await Promise.all([
    failure(start('taken', { port })),
    failure(start('wrong', { prot: 1 })),
    failure(start('keyless', { port: 0 }, 'missing.key')),
  ]);
  server.close();
  assert.match(taken, new RegExp(`^bff-mobile: Port ${port} .* already in use.*--base-port.*\n$`));
  assert.match(wrong, /^bff-mobile: .*bffMobile\.prot: there is no such option \[CONFIG_INVALID\]\n$/);
  assert.match(keyless, /^bff-mobile: .*missing\.key.*\n$/);
});
