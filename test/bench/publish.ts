import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@grapevine/shared/clock.ts';
import { IdentitySigner, identityHeader } from '@grapevine/shared/identity/identity.ts';
import { Pool } from 'undici';
import { randomBasePort } from '../e2e/cluster.ts';
import { NodeFamily } from '../e2e/node-process.ts';
import { readIdentityKey } from '../fixtures/key-files.ts';
import { appendAll } from './append.ts';
import { RedisAppender } from './append-redis.ts';
import type { Benchmark } from './harness.ts';
import { installRivals } from './rivals.ts';

const messages = 40_000;
const batch = 50;
/** Requests in flight: some are being parsed while others wait for the disk. */
const connections = 16;
const body = 'm'.repeat(256);
const rival = 'Redis Streams, appendfsync always, 64 in flight';

/** Publishing to a node's HTTP API as a BFF does it, to a real process from another one. */
export const publish: Benchmark = {
  name: 'publish',
  title: `publish over HTTP, ${body.length} B, ${connections} batches of ${batch} in flight, acknowledged after fsync`,
  figures: [{ unit: 'messages/s', better: 'higher', targets: [{ against: rival, must: 1 }] }],
  rounds: 5,
  prepare: async () => {
    installRivals((line) => console.error(line));
    const folder = mkdtempSync(join(tmpdir(), 'grapevine-bench-publish-'));
    const redis = await RedisAppender.start(folder);
    const basePort = randomBasePort();
    const dataDir = join(folder, 'node');
    mkdirSync(dataDir);
    // Alone: seeds that nobody answers at would only delay it.
    const family = await NodeFamily.create({ dataDir, basePort, environment: { GRAPEVINE_NODE__SEEDS: '[]' } });
    const { api } = await family.start(1);
    const publisher = new HttpPublisher(api.url, join(dataDir, 'cluster.key'));
    return {
      contenders: [
        { name: 'grapevine node', run: () => rateOf((count) => publisher.publishAll(count)) },
        { name: rival, run: () => rateOf((count) => appendAll(redis, count)) },
      ],
      close: async () => {
        await publisher.close();
        await family[Symbol.asyncDispose]();
        await redis.close();
        rmSync(folder, { recursive: true });
      },
    };
  },
};

async function rateOf(run: (count: number) => Promise<void>): Promise<readonly number[]> {
  await run(messages / 8);
  const started = performance.now();
  await run(messages);
  return [messages / ((performance.now() - started) / 1000)];
}

class HttpPublisher {
  readonly #pool: Pool;
  readonly #signer: IdentitySigner;
  readonly #body = JSON.stringify({ messages: Array.from({ length: batch }, () => ({ topic: 'bench', body })) });

  constructor(url: string, keyFile: string) {
    this.#pool = new Pool(url, { connections });
    this.#signer = new IdentitySigner(readIdentityKey(keyFile, 'node-identity'), 'node', systemClock);
  }

  async publishAll(count: number): Promise<void> {
    const identity = this.#signer.sign({ subject: 'bench', scopes: ['messages:write'] });
    const headers = { 'content-type': 'application/json', [identityHeader]: identity };
    let left = count / batch;
    const publisher = async (): Promise<void> => {
      while (left-- > 0) {
        const answer = await this.#pool.request({ path: '/v1/messages', method: 'POST', headers, body: this.#body });
        const text = await answer.body.text();
        // Not decoded: the rival's client does not check its answers either, and this process shares the machine with both.
        if (answer.statusCode !== 201) throw new Error(`Expected 201, found ${answer.statusCode}: ${text}`);
      }
    };
    await Promise.all(Array.from({ length: connections }, publisher));
  }

  close(): Promise<void> {
    return this.#pool.close();
  }
}
