import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { lastingPort } from '../../fixtures/lasting-port.ts';
import type { ProxyProcess } from './contenders.ts';

/** Longest that nginx may take until it listens, in milliseconds. */
const startMs = 10_000;

/** Starts an nginx of our own with all its files in `folder`; `lines` are what stands in its `http` block. */
export async function startNginx(
  name: string,
  folder: string,
  lines: (port: number) => readonly string[],
): Promise<ProxyProcess> {
  const port = await lastingPort();
  const own = join(folder, `nginx-${port}`);
  mkdirSync(own);
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((use) => `${use}_temp_path ${use};`);
  const config = [
    // One process that is both master and worker: its CPU time is all there is.
    'daemon off; master_process off; pid nginx.pid; error_log stderr crit;',
    'events { worker_connections 1024; }',
    'http { access_log off; keepalive_requests 1000000000;',
    ...temporary,
    ...lines(port),
    '}',
  ];
  writeFileSync(join(own, 'nginx.conf'), config.join('\n'));
  const child = spawn('nginx', ['-p', own, '-c', 'nginx.conf'], { stdio: ['ignore', 'ignore', 'inherit'] });
  // Unlike a Node process of ours, it does not notice when the benchmark is gone.
  process.once('exit', () => child.kill());
  const ended = once(child, 'exit').then(() => Promise.reject(new Error('nginx ended before it listened.')));
  await Promise.race([listens(port), ended]);
  return { name, port, child };
}

async function listens(port: number): Promise<void> {
  const deadline = performance.now() + startMs;
  while (performance.now() < deadline) {
    const socket = connect(port, '127.0.0.1');
    const answer = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (answer) return;
    await delay(20);
  }
  throw new Error(`nginx did not listen within ${startMs} ms.`);
}
