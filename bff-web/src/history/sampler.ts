import type { Clock } from '@grapevine/shared/clock.ts';
import type { ClusterClient } from '@grapevine/shared/cluster-client/cluster-client.ts';
import {
  type ConsistencyVerdict,
  consistencyReport,
  type ReportSource,
} from '@grapevine/shared/cluster-client/consistency-report.ts';
import { pause } from '@grapevine/shared/cluster-client/pause.ts';
import { limits } from '@grapevine/shared/contracts/limits.ts';
import type { Stoppable } from '@grapevine/shared/lifecycle.ts';
import { Exposition } from './exposition.ts';
import { type FigureRing, sampleMs } from './figures.ts';
import { gatewayFigures } from './gateway-figures.ts';
import { type NodeScrape, nodeFigures } from './node-figures.ts';

export interface SamplerOptions {
  readonly cluster: Pick<ClusterClient, 'metrics' | 'nodeNames'> & ReportSource;
  /** URL of the gateway's metrics; without it nothing is known of the gateway. */
  readonly gatewayMetrics: string | undefined;
  readonly clock: Clock;
  readonly ring: FigureRing;
}

/** Until the first sample, in milliseconds: a console that opens with the cluster has something to show. */
const firstSampleMs = 1_000;
/** Longest wait for one process, in milliseconds: whoever takes longer is missing in this sample. */
const scrapeMs = 2_000;
/** A gateway with hundreds of instances exposes a tenth of this. */
const maxExpositionBytes = 4 * 1024 * 1024;

interface Scrape {
  readonly atMs: number;
  readonly monotonicMs: number;
  readonly nodes: readonly NodeScrape[];
  readonly gateway: Exposition | undefined;
}

/** Asks all nodes and the gateway what they count, over and over, and notes in a ring what came of it. */
export class Sampler implements Stoppable {
  readonly name = 'figures';
  readonly #options: SamplerOptions;
  readonly #ended = new AbortController();
  readonly #running: Promise<void>;

  constructor(options: SamplerOptions) {
    this.#options = options;
    this.#running = this.#sample();
  }

  async stop(): Promise<void> {
    this.#ended.abort();
    await this.#running;
  }

  async #sample(): Promise<void> {
    const { signal } = this.#ended;
    let before = await this.#scrape();
    let waitMs = firstSampleMs;
    while (!signal.aborted) {
      await pause(waitMs, signal);
      waitMs = sampleMs;
      if (signal.aborted) return;
      const [now, verdict] = await Promise.all([this.#scrape(), this.#verdict()]);
      const seconds = (now.monotonicMs - before.monotonicMs) / 1_000;
      const gateway =
        before.gateway === undefined || now.gateway === undefined
          ? null
          : gatewayFigures(before.gateway, now.gateway, seconds);
      this.#options.ring.add({ atMs: now.atMs, verdict, ...nodeFigures(before.nodes, now.nodes, seconds), gateway });
      before = now;
    }
  }

  /** `null` when no node can name the members. */
  async #verdict(): Promise<ConsistencyVerdict | null> {
    const { cluster, clock } = this.#options;
    const identity = { subject: 'bff-web', scopes: ['cluster:read'] } as const;
    const caller = { identity, deadlineMs: clock.monotonicMs() + scrapeMs, signal: this.#ended.signal };
    try {
      return (await consistencyReport(cluster, caller)).verdict;
    } catch {
      return null;
    }
  }

  async #scrape(): Promise<Scrape> {
    const { cluster, clock, gatewayMetrics } = this.#options;
    const [atMs, monotonicMs] = [clock.wallMs(), clock.monotonicMs()];
    const timeout = (): AbortSignal => AbortSignal.any([this.#ended.signal, AbortSignal.timeout(scrapeMs)]);
    const scrapeNode = async (node: string): Promise<NodeScrape[]> => {
      const text = await unlessSilent(cluster.metrics(node, timeout()));
      return text === undefined ? [] : [{ node, exposed: new Exposition(text) }];
    };
    const names = cluster.nodeNames().slice(0, limits.acks);
    const [nodes, gateway] = await Promise.all([
      Promise.all(names.map(scrapeNode)),
      gatewayMetrics === undefined ? undefined : unlessSilent(fetchText(gatewayMetrics, timeout())),
    ]);
    return {
      atMs,
      monotonicMs,
      nodes: nodes.flat(),
      gateway: gateway === undefined ? undefined : new Exposition(gateway),
    };
  }
}

/** Whoever does not answer, or answers nonsense, is missing in the sample; who that is, the cluster's report tells. */
async function unlessSilent(answer: Promise<string>): Promise<string | undefined> {
  try {
    return await answer;
  } catch {
    return undefined;
  }
}

async function fetchText(url: string, signal: AbortSignal): Promise<string> {
  const { ok, body } = await fetch(url, { signal, redirect: 'error' });
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body ?? []) {
    bytes += chunk.length;
    if (bytes > maxExpositionBytes) throw new RangeError(`${url} exposes more than ${maxExpositionBytes} bytes`);
    chunks.push(chunk);
  }
  if (!ok) throw new Error(`${url} exposes nothing`);
  return Buffer.concat(chunks).toString();
}
