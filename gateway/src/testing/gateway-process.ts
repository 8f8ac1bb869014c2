import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { lastingPort } from '@grapevine/test/fixtures/lasting-port.ts';
import { z } from 'zod';
import { hmacKey } from './running-gateway.ts';

/** Key files of the processes that one test file starts. */
const folder = mkdtempSync(join(tmpdir(), 'grapevine-gateway-main-'));
after(() => rmSync(folder, { recursive: true }));
const jwksFile = join(folder, 'jwks.json');
const edgeKeyFile = join(folder, 'edge.key');
const key = { kty: 'oct', alg: 'HS256', kid: 'hs', k: hmacKey.toString('base64url') };
writeFileSync(jwksFile, JSON.stringify({ keys: [key] }));
writeFileSync(edgeKeyFile, 'a passphrase of more than thirty-two characters');

const readySchema = z.object({ type: z.literal('ready'), ports: z.object({ http: z.int(), admin: z.int() }) });

export interface GatewayProcess {
  readonly child: ChildProcess;
  readonly output: () => string;
  readonly errors: () => string;
  readonly exit: Promise<{ code: unknown; signal: unknown }>;
}

/** `main.ts` as a process with one worker, on free ports unless `environment` says otherwise. */
export function startProcess(environment: Record<string, string>, args: readonly string[] = []): GatewayProcess {
  const main = join(import.meta.dirname, '../main.ts');
  const child = spawn(process.execPath, [main, ...args], {
    env: {
      PATH: process.env['PATH'],
      GRAPEVINE_GATEWAY__PORT: '0',
      GRAPEVINE_GATEWAY__ADMIN_PORT: '0',
      GRAPEVINE_GATEWAY__WORKERS: '1',
      // Tests share the machine with others.
      GRAPEVINE_GATEWAY__LOAD__MAX_LOOP_DELAY_MS: '60000',
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

/** `main.ts` as a primary with so many workers, or as `startProcess` does when it is one. */
export async function startWorkers(
  workers: number,
  environment: Record<string, string>,
  args: readonly string[] = [],
): Promise<GatewayProcess> {
  if (workers === 1) return startProcess(environment, args);
  // Nobody listens on it before the first worker is there, nor between one that ends and the next.
  const port = String(await lastingPort());
  const several = { GRAPEVINE_GATEWAY__WORKERS: String(workers), GRAPEVINE_GATEWAY__PORT: port };
  return startProcess({ ...several, ...environment }, args);
}

/** Where it listens, once it says that it is ready. */
export async function readyPorts({ child, errors }: GatewayProcess): Promise<{ http: number; admin: number }> {
  const message = await new Promise((resolve, reject) => {
    child.once('message', resolve);
    child.once('exit', () => reject(new Error(`it ended: ${errors()}`)));
  });
  return readySchema.parse(message).ports;
}

/** The processes that take its requests, when there are several. */
export function workerPids({ child }: GatewayProcess): number[] {
  const children = execFileSync('ps', ['--ppid', String(child.pid), '-o', 'pid='], { encoding: 'utf8' });
  return children.trim().split(/\s+/).map(Number);
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
