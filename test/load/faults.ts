import { setTimeout as delay } from 'node:timers/promises';
import type { Random } from '@grapevine/shared/random.ts';
import { fairWeather, type ProxyNetwork, storm } from '../e2e/chaos/proxy-network.ts';
import type { Cluster } from '../e2e/cluster.ts';

export const faultKinds = ['kill', 'stop', 'drop'] as const;
export type FaultKind = (typeof faultKinds)[number];

/** Something that was broken for a while. Times in seconds from the start of the run. */
export interface Fault {
  readonly kind: FaultKind;
  /** A node, or datagrams between all of them. */
  readonly what: string;
  readonly from: number;
  readonly to: number;
}

/** Before the first fault and between two, in milliseconds: long enough to see that all is well again. */
const calmMs = [1_000, 4_000] as const;
/** How long a node is stopped or the network drops datagrams, in milliseconds; a killed node is away as long as it takes. */
const troubleMs = [1_500, 4_000] as const;

export interface FaultOptions {
  readonly cluster: Cluster;
  /** Carries the nodes' datagrams; only `drop` needs one. */
  readonly network: ProxyNetwork | undefined;
  /** Which to do, in turns. */
  readonly kinds: readonly FaultKind[];
  readonly random: Random;
  /** Seconds from the start of the run. */
  readonly now: () => number;
  /** The fault that has just begun. */
  readonly onBegin: (what: string) => void;
  readonly onEnd: (fault: Fault) => void;
}

/** Breaks one thing after the other until `signal` aborts. Whatever it breaks it mends before it ends. */
export async function breakThings(options: FaultOptions, signal: AbortSignal): Promise<void> {
  const { cluster, kinds, random, now, onBegin, onEnd } = options;
  const pause = ([least, most]: readonly [number, number]): Promise<void> =>
    delay(least + (most - least) * random.float(), undefined, { signal }).catch(() => {});
  for (let turn = 0; ; turn++) {
    await pause(turn === 0 ? [calmMs[0], calmMs[0]] : calmMs);
    const kind = kinds[turn % kinds.length];
    if (signal.aborted || kind === undefined) return;
    const what = kind === 'drop' ? 'datagrams' : (cluster.nodes[random.below(cluster.nodes.length)]?.name ?? '');
    const from = now();
    onBegin(`${kind} ${what}`);
    if (kind === 'kill') await cluster.killAndAwait(what);
    else if (kind === 'stop') await stopNode(cluster, what, () => pause(troubleMs));
    else await dropDatagrams(options.network, () => pause(troubleMs));
    onEnd({ kind, what, from, to: now() });
  }
}

async function stopNode(cluster: Cluster, name: string, pause: () => Promise<void>): Promise<void> {
  const { pid } = await cluster.process(name);
  process.kill(pid, 'SIGSTOP');
  try {
    await pause();
  } finally {
    process.kill(pid, 'SIGCONT');
  }
}

async function dropDatagrams(network: ProxyNetwork | undefined, pause: () => Promise<void>): Promise<void> {
  if (network === undefined) throw new Error('Datagrams can be dropped only where they pass through a proxy.');
  network.weather = storm;
  await pause();
  network.weather = fairWeather;
}
