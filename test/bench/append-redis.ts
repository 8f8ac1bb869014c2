import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Appender } from './append.ts';
import { rival } from './rivals.ts';

/** What is used of the client. */
interface RedisClient {
  connect(): Promise<unknown>;
  on(event: 'error', listener: (error: Error) => void): void;
  xAdd(key: string, id: '*', fields: Record<string, string>): Promise<string>;
  close(): Promise<void>;
}
interface RedisModule {
  createClient(options: { readonly socket: { readonly path: string } }): RedisClient;
}

/** Longest that the server may take until it answers, in milliseconds. */
const startMs = 10_000;

/** `XADD` to a Redis of our own, which syncs its append-only file before it answers; over a Unix socket, its fastest way. */
export class RedisAppender implements Appender {
  readonly #server: ChildProcess;
  readonly #client: RedisClient;

  private constructor(server: ChildProcess, client: RedisClient) {
    this.#server = server;
    this.#client = client;
  }

  /** `redis-server` must be on PATH. Its data and socket go into `folder`. */
  static async start(folder: string): Promise<RedisAppender> {
    const data = join(folder, 'redis');
    const path = join(data, 'socket');
    mkdirSync(data);
    const options = {
      port: '0',
      unixsocket: path,
      dir: data,
      save: '',
      appendonly: 'yes',
      appendfsync: 'always',
      'auto-aof-rewrite-percentage': '0',
    };
    const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
    const server = spawn('redis-server', args, { stdio: 'ignore' });
    const failed = once(server, 'exit').then(() => Promise.reject(new Error('redis-server ended at once.')));
    const client = await Promise.race([connect(path), failed]);
    return new RedisAppender(server, client);
  }

  append(body: string): Promise<string> {
    return this.#client.xAdd('bench', '*', { body });
  }

  async close(): Promise<void> {
    await this.#client.close();
    this.#server.kill();
    await once(this.#server, 'exit');
  }
}

async function connect(path: string): Promise<RedisClient> {
  const { createClient } = rival('redis') as RedisModule;
  const deadline = performance.now() + startMs;
  for (;;) {
    const client = createClient({ socket: { path } });
    client.on('error', () => {});
    const answer = client.connect().then(
      () => true,
      () => false,
    );
    if (await Promise.race([answer, delay(200, false)])) return client;
    if (performance.now() > deadline) throw new Error(`redis-server did not answer within ${startMs} ms.`);
  }
}
