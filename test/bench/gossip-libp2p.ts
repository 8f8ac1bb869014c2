import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Received, Swarm } from './gossip-worker.ts';
import { rival } from './rivals.ts';

/** What is used of libp2p and its parts. */
interface GossipNode {
  readonly services: { readonly pubsub: PubSub };
  getMultiaddrs(): readonly unknown[];
  dial(address: unknown): Promise<unknown>;
  stop(): Promise<void>;
}
interface PubSub {
  subscribe(topic: string): void;
  publish(topic: string, data: Uint8Array): Promise<unknown>;
  getMeshPeers(topic: string): readonly string[];
  addEventListener(event: 'message', listener: () => void): void;
}
type Part = (options?: object) => unknown;
interface Libp2pModule {
  createLibp2p(options: object): Promise<GossipNode>;
}

const topic = 'bench';
/** Neighbours that gossipsub wants in its mesh at least (its `Dlo`); once all have so many, the mesh has settled. */
const settledMesh = 4;

/** Nodes of libp2p in their usual make: TCP, Noise, Yamux, every option of gossipsub at its default, but no signatures. */
export class GossipsubSwarm implements Swarm {
  readonly #nodes: readonly GossipNode[];
  readonly #sockets: readonly Socket[];
  readonly #counter: Counter;
  readonly #delivered: number[];

  private constructor(nodes: readonly GossipNode[], sockets: readonly Socket[], counter: Counter) {
    this.#nodes = nodes;
    this.#sockets = sockets;
    this.#counter = counter;
    this.#delivered = nodes.map(() => 0);
    nodes.forEach(({ services }, i) => {
      services.pubsub.addEventListener('message', () => {
        this.#delivered[i] = (this.#delivered[i] ?? 0) + 1;
      });
    });
  }

  /** `count` nodes, each connected with each. */
  static async start(count: number): Promise<GossipsubSwarm> {
    const sockets: Socket[] = [];
    const keep = (message: unknown): void => {
      sockets.push((message as { readonly socket: Socket }).socket);
    };
    subscribe('net.client.socket', keep);
    const counter = { copies: 0 };
    const nodes = await Promise.all(Array.from({ length: count }, () => startNode(counter)));
    for (const [i, node] of nodes.entries()) {
      for (const other of nodes.slice(i + 1)) await node.dial(other.getMultiaddrs()[0]);
    }
    unsubscribe('net.client.socket', keep);
    while (nodes.some(({ services }) => services.pubsub.getMeshPeers(topic).length < settledMesh)) await delay(50);
    return new GossipsubSwarm(nodes, sockets, counter);
  }

  publish(body: string): Promise<unknown> {
    const [first] = this.#nodes;
    if (first === undefined) throw new Error('There is no node.');
    return first.services.pubsub.publish(topic, Buffer.from(body));
  }

  held(): readonly number[] {
    return this.#delivered.slice(1);
  }

  received(): Received {
    // Each connection counts once, at the side that opened it: what it wrote the other side has received.
    const bytes = this.#sockets.reduce((sum, { bytesRead, bytesWritten }) => sum + bytesRead + bytesWritten, 0);
    return { copies: this.#counter.copies, bytes };
  }

  async close(): Promise<void> {
    await Promise.all(this.#nodes.map((node) => node.stop()));
  }
}

interface Counter {
  copies: number;
}

async function startNode(counter: Counter): Promise<GossipNode> {
  const { createLibp2p } = rival('libp2p') as Libp2pModule;
  const part = (name: string, key: string, options?: object): unknown =>
    (rival(name) as Readonly<Record<string, Part>>)[key]?.(options);
  const node = await createLibp2p({
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [part('@libp2p/tcp', 'tcp')],
    connectionEncrypters: [part('@libp2p/noise', 'noise')],
    // All dial from one address, which libp2p takes for an attack unless told otherwise.
    connectionManager: { inboundConnectionThreshold: 1_000, maxIncomingPendingConnections: 1_000 },
    streamMuxers: [part('@libp2p/yamux', 'yamux')],
    services: {
      identify: part('@libp2p/identify', 'identify'),
      pubsub: part('@libp2p/gossipsub', 'gossipsub', {
        globalSignaturePolicy: 'StrictNoSign',
        // All nodes share one address here, which would cost them their scores.
        scoreParams: { IPColocationFactorWeight: 0 },
        // Asked once for every copy that arrives, before it is known whether it is one.
        fastMsgIdFn: ({ data }: { readonly data: Uint8Array }) => {
          counter.copies++;
          return Buffer.from(data.subarray(0, 16)).toString('latin1');
        },
      }),
    },
  });
  node.services.pubsub.subscribe(topic);
  return node;
}
