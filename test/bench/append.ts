import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NodeAppender } from './append-node.ts';
import { RedisAppender } from './append-redis.ts';
import type { Benchmark, Contender } from './harness.ts';
import { installRivals } from './rivals.ts';

/** Something that takes a message and says when it is on disk. */
export interface Appender {
  append(body: string): Promise<unknown>;
  close(): Promise<void>;
}

const messages = 40_000;
const inFlight = 64;
const body = 'm'.repeat(256);

/** Messages acknowledged one by one after they are flushed, 64 publishers at a time. */
export const append: Benchmark = {
  name: 'append',
  title: `durable append, ${body.length} B, ${inFlight} in flight, acknowledged after fsync`,
  figures: [
    {
      unit: 'messages/s',
      better: 'higher',
      targets: [{ against: 'Redis Streams, appendfsync always', must: 1.2, aim: 3 }],
    },
  ],
  rounds: 7,
  prepare: async () => {
    installRivals((line) => console.error(line));
    const folder = mkdtempSync(join(tmpdir(), 'grapevine-bench-'));
    const redis = await RedisAppender.start(folder);
    const node = await NodeAppender.open(join(folder, 'node'));
    return {
      contenders: [contender('grapevine store', node), contender('Redis Streams, appendfsync always', redis)],
      close: async () => {
        await node.close();
        await redis.close();
        rmSync(folder, { recursive: true });
      },
    };
  },
};

function contender(name: string, appender: Appender): Contender {
  return {
    name,
    run: async () => {
      await appendAll(appender, messages / 8);
      const started = performance.now();
      await appendAll(appender, messages);
      return [messages / ((performance.now() - started) / 1000)];
    },
  };
}

/** Appends so many messages, 64 at a time. */
export async function appendAll(appender: Appender, count: number): Promise<void> {
  let left = count;
  const publisher = async (): Promise<void> => {
    while (left-- > 0) await appender.append(body);
  };
  await Promise.all(Array.from({ length: inFlight }, publisher));
}
