/** One run of one contender of the gossip benchmark, in a thread of its own; answers with its figures. */
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { usualDatagramBytes } from '@grapevine/cluster-node/transport/usual-datagram-bytes.ts';
import { GrapevineSwarm } from './gossip-grapevine.ts';
import { GossipsubSwarm } from './gossip-libp2p.ts';

export type GossipWay = 'grapevine' | 'grapevine-ethernet' | 'gossipsub';

export interface GossipRun {
  readonly way: GossipWay;
  readonly nodes: number;
  readonly messages: number;
  readonly bodyBytes: number;
}

/** What all nodes but the publishing one have taken in since the start. */
export interface Received {
  /** Messages, as often as they came. */
  readonly copies: number;
  /** Bytes at their sockets, whatever they were for. */
  readonly bytes: number;
}

/** Nodes that have met and gossip. */
export interface Swarm {
  /** Publishes at the first node; resolves when it has taken the message. */
  publish(body: string): Promise<unknown>;
  /** Messages that each node but the publishing one has. */
  held(): readonly number[];
  received(): Received;
  close(): Promise<void>;
}

/** Publishes under way at once, as in the benchmark of appends. */
const inFlight = 64;
/** Messages before those that count: a node runs for days, so that what is measured is code that the compiler knows. */
const warmUpMessages = 1_000;
/** Copies that nobody needs any more are still on their way when the last node has everything; in milliseconds. */
const settleMs = 250;
/** Nodes that get nothing for so many milliseconds will never get what they lack: gossipsub forgets messages after three heartbeats. */
const standstillMs = 5_000;

const { way, nodes, messages, bodyBytes } = workerData as GossipRun;
const starts: Readonly<Record<GossipWay, (count: number) => Promise<Swarm>>> = {
  grapevine: (count) => GrapevineSwarm.start(count, usualDatagramBytes('127.0.0.1')),
  'grapevine-ethernet': (count) => GrapevineSwarm.start(count, usualDatagramBytes('0.0.0.0')),
  gossipsub: (count) => GossipsubSwarm.start(count),
};
const swarm = await starts[way](nodes);
await publishAll(warmUpMessages);
await untilAllHave(warmUpMessages);
await delay(settleMs);
const before = swarm.received();
const started = performance.now();
await publishAll(messages);
const ms = (await untilAllHave(warmUpMessages + messages)) - started;
await delay(settleMs);
const { copies, bytes } = swarm.received();
const deliveries = messages * (nodes - 1);
parentPort?.postMessage([ms, (copies - before.copies) / deliveries, (bytes - before.bytes) / deliveries]);
await swarm.close();

/** Answers when the last message came. What the rival has lost by then is printed and, in its favour, not waited for. */
async function untilAllHave(count: number): Promise<number> {
  let missing = Number.POSITIVE_INFINITY;
  let lastCame = performance.now();
  while (missing > 0 && performance.now() - lastCame < standstillMs) {
    await delay(1);
    const now = swarm.held().reduce((sum, held) => sum + count - held, 0);
    if (now < missing) lastCame = performance.now();
    missing = now;
  }
  if (missing > 0 && way !== 'gossipsub') throw new Error(`${missing} deliveries are missing.`);
  if (missing > 0) console.error(`${way}: ${missing} of ${count * (nodes - 1)} deliveries never came`);
  return lastCame;
}

async function publishAll(count: number): Promise<void> {
  let left = count;
  const publisher = async (): Promise<void> => {
    while (left-- > 0) await swarm.publish(randomBytes(bodyBytes / 2).toString('hex'));
  };
  await Promise.all(Array.from({ length: inFlight }, publisher));
}
