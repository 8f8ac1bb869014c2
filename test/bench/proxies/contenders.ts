/** Starts the proxies that are compared, each as one process in front of the same upstream. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { keyFiles } from './bearers.ts';
import { startNginx } from './nginx.ts';

/** One process under load. */
export interface ProxyProcess {
  readonly name: string;
  readonly port: number;
  readonly child: ChildProcess;
}

const gatewayMain = new URL('../../../gateway/src/main.ts', import.meta.url);
const bareHpm = new URL('./bare-hpm.ts', import.meta.url);
const fastifyHttpProxy = new URL('./fastify-http-proxy.ts', import.meta.url);

const readySchema = z.object({ ports: z.object({ http: z.int() }) });

/** Ours with everything on: only the rates are out of the way, and counted all the same. Its log goes to a file. */
export function startGateway(upstream: string, folder: string): Promise<ProxyProcess> {
  const rate = JSON.stringify({ perSecond: 10_000_000, burst: 10_000_000 });
  return startNode('grapevine gateway', gatewayMain, [], join(folder, 'gateway.log'), {
    ...keyFiles(folder),
    GRAPEVINE_GATEWAY__PORT: '0',
    GRAPEVINE_GATEWAY__ADMIN_PORT: '0',
    GRAPEVINE_GATEWAY__WORKERS: '1',
    GRAPEVINE_GATEWAY__UPSTREAMS__WEB: JSON.stringify([upstream]),
    GRAPEVINE_GATEWAY__UPSTREAMS__MOBILE: JSON.stringify([upstream]),
    GRAPEVINE_GATEWAY__RATE_LIMIT__PRINCIPAL: rate,
    GRAPEVINE_GATEWAY__RATE_LIMIT__ADDRESS: rate,
  });
}

export function startBareHpm(name: string, upstream: string, folder: string): Promise<ProxyProcess> {
  return startNode(name, bareHpm, [upstream], join(folder, 'hpm.log'), {});
}

export function startFastify(name: string, upstream: string, folder: string): Promise<ProxyProcess> {
  return startNode(name, fastifyHttpProxy, [upstream], join(folder, 'fastify.log'), {});
}

/** One worker, connections to the upstream kept, no log. */
export function startNginxProxy(name: string, upstream: string, folder: string): Promise<ProxyProcess> {
  return startNginx(name, folder, (port) => [
    `upstream behind { server ${new URL(upstream).host}; keepalive 64; }`,
    `server { listen 127.0.0.1:${port}; location / {`,
    '  proxy_pass http://behind; proxy_http_version 1.1; proxy_set_header Connection "";',
    '} }',
  ]);
}

/** Where the upstream answers what the gateway may keep. */
export const keptPath = '/mobile/v1/messages/kept';

/** Answers 1 KB of JSON from memory to whatever it is asked. */
export function startUpstream(folder: string): Promise<ProxyProcess> {
  const body = JSON.stringify({ items: ['m'.repeat(1_024 - '{"items":[""],"next":null}'.length)], next: null });
  return startNginx('upstream', folder, (port) => [
    `server { listen 127.0.0.1:${port}; default_type application/json; location / {`,
    '  add_header Cache-Control "private, no-cache"; add_header ETag "\\"0123456789abcdef\\"";',
    `  return 200 '${body}'; }`,
    `location = ${keptPath} {`,
    '  add_header Cache-Control "private, no-cache"; add_header ETag "\\"0123456789abcdef\\"";',
    '  add_header Grapevine-Cache-Control "public, max-age=3600";',
    `  return 200 '${body}';`,
    '} }',
  ]);
}

/** A program that tells its port by a message, as one process. */
export async function startNode(
  name: string,
  program: URL,
  args: readonly string[],
  logFile: string,
  environment: Readonly<Record<string, string>>,
): Promise<ProxyProcess> {
  writeFileSync(logFile, '');
  const log = openSync(logFile, 'a');
  const child = spawn(process.execPath, [program.pathname, ...args], {
    env: { PATH: process.env['PATH'], ...environment },
    stdio: ['ignore', log, 'inherit', 'ipc'],
  });
  const ended = once(child, 'exit').then(() => Promise.reject(new Error(`${name} ended before it was ready.`)));
  const [message] = await Promise.race([once(child, 'message'), ended]);
  return { name, port: readySchema.parse(message).ports.http, child };
}
