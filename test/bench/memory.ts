import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeCursor } from '@grapevine/shared/contracts/cursor.ts';
import { limits } from '@grapevine/shared/contracts/limits.ts';
import { messagesResponseSchema, syncResponseSchema } from '@grapevine/shared/contracts/node-api.ts';
import { randomBasePort } from '../e2e/cluster.ts';
import type { NodeApi } from '../e2e/node-api.ts';
import { NodeFamily } from '../e2e/node-process.ts';
import { NodeAppender } from './append-node.ts';
import type { Benchmark, Contender } from './harness.ts';

const few = 10_000;
const many = 1_000_000;
const body = 'm'.repeat(256);
/** Fills whole segments, and the appender's queue takes as many. */
const inFlight = 2_000;
/** Pages that are read from the beginning, of the topic and of the log: more than any cache holds. */
const pages = 400;
const bytesPerMb = 1_000_000;

const megabytes = { unit: 'MB', better: 'lower' } as const;

/** A node process on data that is there already: its heap must not grow with the messages kept, only files may. */
export const memory: Benchmark = {
  name: 'memory',
  title: `a node with ${many.toLocaleString('en-US')} messages of ${body.length} B`,
  figures: [
    { what: 'from its start until it is ready', unit: 'ms', better: 'lower', targets: [{ must: 3_000 }] },
    { what: 'private memory when ready', ...megabytes, targets: [{ must: 250 }] },
    { what: `private memory after ${2 * pages} pages were read`, ...megabytes, targets: [{ must: 250 }] },
  ],
  rounds: 3,
  prepare: async () => {
    const folder = mkdtempSync(join(tmpdir(), 'grapevine-bench-memory-'));
    try {
      return {
        contenders: [
          await contender(`grapevine, ${many.toLocaleString('en-US')} messages`, join(folder, 'many'), many),
          await contender(`grapevine, ${few.toLocaleString('en-US')} messages`, join(folder, 'few'), few),
        ],
        close: async () => rmSync(folder, { recursive: true }),
      };
    } catch (error) {
      rmSync(folder, { recursive: true });
      throw error;
    }
  },
};

async function contender(name: string, dataDir: string, messages: number): Promise<Contender> {
  // Alone: seeds that nobody answers at would only delay it.
  const environment = { GRAPEVINE_NODE__SEEDS: '[]' };
  const family = await NodeFamily.create({ dataDir, basePort: randomBasePort(), environment });
  await fill(family.folder(1), messages);
  return {
    name,
    run: async () => {
      const started = performance.now();
      const node = await family.start(1);
      const readyMs = performance.now() - started;
      try {
        const idle = privateMegabytes(node.pid);
        await readPages(node.api);
        return [readyMs, idle, privateMegabytes(node.pid)];
      } finally {
        await node.end('SIGTERM');
      }
    },
  };
}

async function fill(dataDir: string, messages: number): Promise<void> {
  const appender = await NodeAppender.open(dataDir);
  let left = messages;
  const publisher = async (): Promise<void> => {
    while (left-- > 0) await appender.append(body);
  };
  await Promise.all(Array.from({ length: inFlight }, publisher));
  await appender.close();
}

async function readPages(api: NodeApi): Promise<void> {
  let after = '';
  let since = '';
  for (let page = 0; page < pages; page++) {
    const topic = messagesResponseSchema.parse(
      JSON.parse((await api.raw(`/v1/topics/bench/messages?limit=${limits.pageSize}${after}`)).text),
    );
    const last = topic.items.at(-1);
    after = last === undefined ? '' : `&after=${encodeURIComponent(encodeCursor(last))}`;
    const sync = await api.raw(`/v1/sync?limit=${limits.pageSize}${since}`);
    since = `&since=${syncResponseSchema.parse(JSON.parse(sync.text)).token}`;
  }
}

/**
 * Memory that only this process has. The database's file is mapped, too: those pages are the system's cache of it, which it
 * takes back as it likes, and count as private only as long as nobody else maps the file.
 */
function privateMegabytes(pid: number): number {
  let kilobytes = 0;
  let isDatabase = false;
  for (const line of readFileSync(`/proc/${pid}/smaps`, 'utf8').split('\n')) {
    if (/^[0-9a-f]+-[0-9a-f]+ /.test(line)) isDatabase = line.endsWith('/data.mdb');
    else if (!isDatabase) kilobytes += Number(/^Private_(?:Clean|Dirty): +(\d+) kB$/.exec(line)?.[1] ?? 0);
  }
  return (kilobytes * 1024) / bytesPerMb;
}
