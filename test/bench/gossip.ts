import { Worker } from 'node:worker_threads';
import type { GossipRun, GossipWay } from './gossip-worker.ts';
import type { Benchmark, Contender } from './harness.ts';
import { installRivals } from './rivals.ts';

const nodes = 16;
const messages = 2_000;
const bodyBytes = 256;

const rival = 'libp2p gossipsub, unsigned';
const ways: readonly { readonly name: string; readonly way: GossipWay }[] = [
  { name: 'grapevine, sealed and signed', way: 'grapevine' },
  { name: 'grapevine, in datagrams for Ethernet', way: 'grapevine-ethernet' },
  { name: rival, way: 'gossipsub' },
];

/**
 * Messages published at one node until all nodes have all. Ours is the node itself (core, views, signatures, sealed UDP on loopback)
 * on a store in memory, because the rival keeps messages in memory too. Only copies and bytes carry over to another machine; the
 * time is compared.
 */
export const gossip: Benchmark = {
  name: 'gossip',
  title: `${nodes} nodes in one process, ${messages.toLocaleString('en-US')} messages of ${bodyBytes} B published at one`,
  figures: [
    { what: 'until all have all', unit: 'ms', better: 'lower', targets: [{ against: rival, must: 10, aim: 21 }] },
    { what: 'copies per message and node', unit: '', better: 'lower', targets: [{ must: 1.3, aim: 1.05 }] },
    { what: 'bytes per message and node', unit: 'B', better: 'lower', targets: [{ must: 450, aim: 330 }] },
  ],
  rounds: 5,
  prepare: async () => {
    installRivals((line) => console.error(line));
    return { contenders: ways.map(contender) };
  },
};

/** Each run has a thread of its own: whoever gossips in a heap that another one has filled waits for its garbage. */
function contender({ name, way }: (typeof ways)[number]): Contender {
  return {
    name,
    run: () =>
      new Promise((resolve, reject) => {
        const run: GossipRun = { way, nodes, messages, bodyBytes };
        const worker = new Worker(new URL('./gossip-worker.ts', import.meta.url), { workerData: run });
        worker.once('message', resolve);
        worker.once('error', reject);
        worker.once('exit', (code) => reject(new Error(`${name} ended with code ${code} and without a figure`)));
      }),
  };
}
