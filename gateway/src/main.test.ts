import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { z } from 'zod';
import { startRecordingUpstream } from './testing/recording-upstream.ts';
import { hmacKey, signWithHmac, until } from './testing/running-gateway.ts';

const folder = mkdtempSync(join(tmpdir(), 'grapevine-gateway-main-'));
after(() => rmSync(folder, { recursive: true }));
const jwksFile = join(folder, 'jwks.json');
const edgeKeyFile = join(folder, 'edge.key');
const key = { kty: 'oct', alg: 'HS256', kid: 'hs', k: hmacKey.toString('base64url') };
writeFileSync(jwksFile, JSON.stringify({ keys: [key] }));
writeFileSync(edgeKeyFile, 'a passphrase of more than thirty-two characters');

const readySchema = z.object({ type: z.literal('ready'), ports: z.object({ http: z.int(), admin: z.int() }) });

interface GatewayProcess {
  readonly child: ChildProcess;
  readonly output: () => string;
  readonly errors: () => string;
  readonly exit: Promise<{ code: unknown; signal: unknown }>;
}

function startProcess(environment: Record<string, string>, args: readonly string[] = []): GatewayProcess {
  const main = join(import.meta.dirname, 'main.ts');
  const child = spawn(process.execPath, [main, ...args], {
    env: {
      PATH: process.env['PATH'],
      GRAPEVINE_GATEWAY__PORT: '0',
      GRAPEVINE_GATEWAY__ADMIN_PORT: '0',
      // Out of the way of tests that count what an upstream gets.
      GRAPEVINE_GATEWAY__HEALTH_CHECK__INTERVAL_MS: '3600000',
      GRAPEVINE_GATEWAY__AUTH__JWKS_FILE: jwksFile,
      GRAPEVINE_SECRETS__EDGE_KEY_FILE: edgeKeyFile,
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  let output = '';
  let errors = '';
  child.stdout?.on('data', (chunk) => {
    output += String(chunk);
  });
  child.stderr?.on('data', (chunk) => {
    errors += String(chunk);
  });
  // The event `close` would say the same, but never comes after the supervisor's side has disconnected.
  const read = [child.stdout, child.stderr].map((stream) => stream && once(stream, 'close'));
  const exit = once(child, 'exit').then(async ([code, signal]: unknown[]) => {
    await Promise.all(read);
    return { code, signal };
  });
  return { child, output: () => output, errors: () => errors, exit };
}

async function readyPorts({ child, errors }: GatewayProcess): Promise<{ http: number; admin: number }> {
  const message = await new Promise((resolve, reject) => {
    child.once('message', resolve);
    child.once('exit', () => reject(new Error(`it ended: ${errors()}`)));
  });
  return readySchema.parse(message).ports;
}

test('it says when it is ready, serves, and leaves with 0 on SIGTERM after what was in flight is done', async () => {
  const upstream = await startRecordingUpstream();
  const gateway = startProcess({ GRAPEVINE_GATEWAY__UPSTREAMS__WEB: JSON.stringify([upstream.url]) });
  const { http, admin } = await readyPorts(gateway);
  const headers = { authorization: `Bearer ${await signWithHmac('alice')}` };
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  upstream.answerWith((_request, response) => void released.then(() => response.end('done')));
  const slow = fetch(`http://127.0.0.1:${http}/web/x`, { headers });
  await until('the upstream has it', () => upstream.begun() === 1);
  upstream.answerWith((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
  });
  const stream = await fetch(`http://127.0.0.1:${http}/web/x`, { headers });

  gateway.child.kill('SIGTERM');
  await until('it drains', async () => (await fetch(`http://127.0.0.1:${admin}/readyz`)).status === 503);
  assert.equal(await stream.text(), ': the server goes away\n\n', 'an event stream ends cleanly');
  await assert.rejects(fetch(`http://127.0.0.1:${http}/web/x`, { headers: { ...headers, connection: 'close' } }));
  release();
  const answer = await slow;
  assert.equal(await answer.text(), 'done');
  assert.equal(answer.headers.get('connection'), 'close');
  assert.deepEqual(await gateway.exit, { code: 0, signal: null });
  assert.match(gateway.output(), /"msg":"ready"/);
  assert.equal(gateway.errors(), '');
  await upstream.stop();
});

test('it leaves when its supervisor is gone', async () => {
  const gateway = startProcess({});
  await readyPorts(gateway);
  gateway.child.disconnect();
  assert.deepEqual(await gateway.exit, { code: 0, signal: null });
});

describe('what it cannot start with is one line and exit code 1', () => {
  const cases: [name: string, environment: Record<string, string>, args: readonly string[], line: RegExp][] = [
    ['a missing JWKS file', { GRAPEVINE_GATEWAY__AUTH__JWKS_FILE: '/absent' }, [], /\/absent.*CONFIG_INVALID/],
    ['a missing edge key', { GRAPEVINE_SECRETS__EDGE_KEY_FILE: '/absent' }, [], /\/absent.*CONFIG_INVALID/],
    ['a value that is not allowed', { GRAPEVINE_GATEWAY__MAX_BODY_BYTES: '-1' }, [], /MAX_BODY_BYTES.*CONFIG_INVALID/],
    ['a missing configuration file', {}, ['--config', '/absent.yaml'], /\/absent\.yaml.*CONFIG_INVALID/],
    ['an unknown flag', {}, ['--what'], /--what/],
  ];
  for (const [name, environment, args, line] of cases) {
    test(name, async () => {
      const gateway = startProcess(environment, args);
      assert.equal((await gateway.exit).code, 1);
      assert.match(gateway.errors(), /^gateway: [^\n]+\n$/);
      assert.match(gateway.errors(), line);
    });
  }

  for (const variable of ['GRAPEVINE_GATEWAY__PORT', 'GRAPEVINE_GATEWAY__ADMIN_PORT']) {
    test(`a port that is taken: ${variable}`, async () => {
      const holder = createServer();
      await new Promise<void>((resolve) => {
        holder.listen(0, '127.0.0.1', resolve);
      });
      const { port } = holder.address() as AddressInfo;
      const gateway = startProcess({ [variable]: String(port) });
      assert.equal((await gateway.exit).code, 1);
      assert.match(
        gateway.errors(),
        new RegExp(`^gateway: Port ${port} [^\\n]*--base-port[^\\n]*PORT_TAKEN[^\\n]*\\n$`),
      );
      holder.close();
    });
  }
});
