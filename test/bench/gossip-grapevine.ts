import { setTimeout as delay } from 'node:timers/promises';
import { AheadVerifier } from '@grapevine/cluster-node/catch-up/ahead-verifier.ts';
import type { SegmentSource } from '@grapevine/cluster-node/catch-up/segment-stream.ts';
import { createRepairs, createScrubber } from '@grapevine/cluster-node/damage/scrubber.fixture.ts';
import { idleForkWatch } from '@grapevine/cluster-node/forks/fork-watch.fixture.ts';
import { ClusterNode } from '@grapevine/cluster-node/node.ts';
import { generateOriginKey, signerFromKey } from '@grapevine/cluster-node/store/ed25519.ts';
import { fastTreeHash } from '@grapevine/cluster-node/store/fast-tree-hash.ts';
import { MemoryLogStore } from '@grapevine/cluster-node/store/memory-log-store.ts';
import { type MessageListener, SealedTransport } from '@grapevine/cluster-node/transport/sealed-transport.ts';
import { openUdpTransport, type UdpTransport } from '@grapevine/cluster-node/transport/udp-transport.ts';
import { type KeyRing, keyRingOf } from '@grapevine/cluster-node/wire/key-ring.ts';
import type { Address } from '@grapevine/cluster-node/wire/messages.ts';
import { Opener, Sealer } from '@grapevine/cluster-node/wire/seal.ts';
import { spokenVersions } from '@grapevine/cluster-node/wire/version.ts';
import { systemClock } from '@grapevine/shared/clock.ts';
import { createLogger } from '@grapevine/shared/logging.ts';
import { systemRandom } from '@grapevine/shared/random.ts';
import type { Received, Swarm } from './gossip-worker.ts';

/** As in the configuration's defaults. */
const gossipDefaults = {
  intervalMs: 200,
  fanout: 2,
  suspectAfterMs: 2_000,
  deadAfterMs: 10_000,
  forgetAfterMs: 3_600_000,
  catchUpBytes: 4 * 1024 * 1024,
  smallestRetentionMs: Number.POSITIVE_INFINITY,
} as const;
const queueBytes = 8 * 1024 * 1024;
const log = createLogger({ name: 'bench', level: 'silent' });

interface Member {
  readonly node: ClusterNode;
  readonly socket: UdpTransport;
  readonly transport: CountingTransport;
}

/** Nodes with sockets of their own, signatures and seals, and everything that gossip is made of; their stores are in memory. */
export class GrapevineSwarm implements Swarm {
  readonly #first: Member;
  readonly #others: readonly Member[];

  private constructor(first: Member, others: readonly Member[]) {
    this.#first = first;
    this.#others = others;
  }

  /** `count` nodes that have met. */
  static async start(count: number, maxDatagramBytes: number): Promise<GrapevineSwarm> {
    const key = keyRingOf([systemRandom.bytes(32)]);
    const first = await startMember('node-1', key, maxDatagramBytes);
    const others: Member[] = [];
    for (let i = 2; i <= count; i++) {
      others.push(await startMember(`node-${i}`, key, maxDatagramBytes, first.socket.address));
    }
    const members = [first, ...others];
    while (members.some(({ node }) => node.members().length < count || node.unready() !== undefined)) await delay(10);
    return new GrapevineSwarm(first, others);
  }

  publish(body: string): Promise<unknown> {
    const message = { topic: 'bench', contentType: 'text/plain', headers: {}, body };
    return this.#first.node.publish('bench', { messages: [message], acks: 1, timeoutMs: 5_000 });
  }

  held(): readonly number[] {
    return this.#others.map(({ node }) => node.views.count());
  }

  received(): Received {
    const { node } = this.#first;
    const segments = node.log.segmentsFrom(node.origin, 0, Number.POSITIVE_INFINITY);
    const bytesPerMessage = segments.reduce((sum, { length }) => sum + length, 0) / Math.max(1, node.views.count());
    const pieceBytes = this.#others.reduce((sum, { transport }) => sum + transport.pieceBytes, 0);
    const bytes = this.#others.reduce((sum, { socket }) => sum + socket.counts.receivedBytes, 0);
    return { copies: pieceBytes === 0 ? 0 : pieceBytes / bytesPerMessage, bytes };
  }

  async close(): Promise<void> {
    for (const { node, transport } of [this.#first, ...this.#others]) {
      await node.stop();
      await transport.close();
    }
  }
}

/** Counts the bytes of segments that arrive, whole or in fragments, wanted or not. */
class CountingTransport extends SealedTransport {
  pieceBytes = 0;

  override onMessage(listener: MessageListener): void {
    super.onMessage((message, sender, from) => {
      if (message.type === 'pull-response') for (const { bytes } of message.pieces) this.pieceBytes += bytes.length;
      listener(message, sender, from);
    });
  }
}

/** Everything goes by datagrams: less is published here than what a stream is for. */
const noStreams: SegmentSource = () => {
  throw new Error('Expected no catch-up.');
};

async function startMember(name: string, key: KeyRing, maxDatagramBytes: number, seed?: Address): Promise<Member> {
  const signer = signerFromKey(generateOriginKey());
  const { origin } = signer;
  const bootEpoch = Date.now();
  const socket = await openUdpTransport({ name, host: '127.0.0.1', port: 0, portFlag: '' });
  const transport = new CountingTransport({
    transport: socket,
    sealer: new Sealer({ key: key.sealing, sender: origin, bootEpoch }),
    opener: new Opener(key, origin),
    maxDatagramBytes,
  });
  const store = await MemoryLogStore.open(fastTreeHash);
  const self = {
    name,
    origin,
    bootEpoch,
    incarnation: 0,
    heartbeat: 0,
    state: 'alive',
    versions: spokenVersions,
    udp: socket.address,
    http: socket.address,
    tls: false,
    catchingUp: false,
  } as const;
  const node = new ClusterNode({
    options: {
      self,
      seeds: seed === undefined ? [] : [seed],
      ...gossipDefaults,
      maxDatagramBytes,
      seedsOnly: false,
      expectsPeers: false,
      queueBytes,
    },
    ports: { hash: fastTreeHash, signer, random: systemRandom },
    verifier: new AheadVerifier(),
    segments: noStreams,
    store: store.log,
    views: store.log.views,
    scrubber: createScrubber(store.log),
    repairs: createRepairs(store.log),
    forks: idleForkWatch(store.log),
    transport,
    clock: systemClock,
    log,
    raiseBootEpoch: () => {},
    maxBodyBytes: 1_000,
  });
  return { node, socket, transport };
}
