import { setTimeout as delay } from 'node:timers/promises';
import { temporaryFolder } from '../e2e/cluster.ts';
import type { NodeApi } from '../e2e/node-api.ts';
import { NodeFamily } from '../e2e/node-process.ts';
import { freeBasePort } from '../fixtures/free-base-port.ts';
import { type Benchmark, median } from './harness.ts';

const nodeCount = 5;
const intervalMs = 200;
const messages = 100;
/** Between two messages, in milliseconds: each finds a cluster that has nothing else to do. */
const pauseMs = 20;
/** Before those that count, for the compiler of each process to know the code. */
const warmUpMessages = 300;

/** From the moment a client begins to publish at one node until every node's stream has shown it the message. Real processes, real disks. */
export const visible: Benchmark = {
  name: 'visible',
  title: `published at one of ${nodeCount} nodes until all have shown it, gossip every ${intervalMs} ms`,
  figures: [{ unit: 'ms', better: 'lower', targets: [{ must: intervalMs / 10 }] }],
  rounds: 5,
  prepare: async () => {
    const resources = new AsyncDisposableStack();
    const { path: dataDir } = resources.use(await temporaryFolder());
    const environment = { GRAPEVINE_NODE__GOSSIP__INTERVAL_MS: `${intervalMs}` };
    const family = resources.use(
      await NodeFamily.create({ dataDir, basePort: await freeBasePort(nodeCount), environment }),
    );
    const nodes = await Promise.all(Array.from({ length: nodeCount }, (_, i) => family.start(i + 1)));
    const apis = nodes.map(({ api }) => api);
    const over = new AbortController();
    resources.defer(() => over.abort());
    const sightings = await Sightings.of(apis, over.signal);
    await measure(apis, sightings, warmUpMessages, 0);
    return {
      contenders: [{ name: 'grapevine', run: async () => [median(await measure(apis, sightings, messages, pauseMs))] }],
      close: () => resources.disposeAsync(),
    };
  },
};

/** Milliseconds that each of `count` messages took, one after the other, at one node after the other. */
async function measure(
  apis: readonly NodeApi[],
  sightings: Sightings,
  count: number,
  pause: number,
): Promise<number[]> {
  const took: number[] = [];
  for (let number = 0; number < count; number++) {
    await delay(pause);
    const body = crypto.randomUUID();
    const seen = sightings.everywhere(body);
    const started = performance.now();
    await apis[number % apis.length]?.publish({ messages: [{ topic: 'bench', body }] });
    took.push((await seen) - started);
  }
  return took;
}

/** Who has shown which message. */
class Sightings {
  readonly #nodes: number;
  readonly #waiting = new Map<string, { missing: number; readonly resolve: (atMs: number) => void }>();

  private constructor(nodes: number) {
    this.#nodes = nodes;
  }

  /** Follows the streams of all nodes until `signal` aborts. */
  static async of(apis: readonly NodeApi[], signal: AbortSignal): Promise<Sightings> {
    const sightings = new Sightings(apis.length);
    for (const api of apis) void sightings.#follow(await api.stream(signal), signal);
    return sightings;
  }

  /** Resolves, with the time, when every node has shown the message of this body. */
  everywhere(body: string): Promise<number> {
    return new Promise((resolve) => this.#waiting.set(body, { missing: this.#nodes, resolve }));
  }

  async #follow(stream: AsyncIterable<{ readonly body: string }>, signal: AbortSignal): Promise<void> {
    try {
      for await (const { body } of stream) this.#saw(body);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  #saw(body: string): void {
    const waiting = this.#waiting.get(body);
    if (waiting === undefined || --waiting.missing > 0) return;
    this.#waiting.delete(body);
    waiting.resolve(performance.now());
  }
}
