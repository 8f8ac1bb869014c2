import type { ReplicaEffect, ReplicaEvent } from '@grapevine/cluster-node/core/events.ts';
import type { HeadSigner, Now } from '@grapevine/cluster-node/core/ports.ts';
import { Replica } from '@grapevine/cluster-node/core/replica.ts';
import type { Draft } from '@grapevine/cluster-node/core/writer.ts';
import { nodeHeadVerifier } from '@grapevine/cluster-node/store/ed25519.ts';
import { fastTreeHash } from '@grapevine/cluster-node/store/fast-tree-hash.ts';
import { decodeMessage, encodeMessage } from '@grapevine/cluster-node/wire/codec.ts';
import type { NodeMessage } from '@grapevine/cluster-node/wire/messages.ts';
import type { Random } from '@grapevine/shared/random.ts';
import type { SimDisk } from './sim-disk.ts';
import { SimStream, type StreamSurroundings } from './sim-stream.ts';

/** What a simulated node needs of the world around it. */
export interface Surroundings extends StreamSurroundings {
  readonly random: Random;
  now(): Now;
  schedule(delayMs: number, run: () => void): void;
  /** The node at a port. */
  node(port: number): SimNode;
  send(from: SimNode, toPort: number, bytes: Uint8Array): void;
  /** Every effect of every step passes here before it is carried out: the checker looks at them. */
  observe(node: SimNode, effect: ReplicaEffect): void;
  /** Something new is on the disk of `node`. */
  flushed(node: SimNode): void;
}

/** The nodes' ports are their numbers, counted from here. */
export const firstPort = 1;

const maxDatagramBytes = 1_400;

/** One node: the real replica core on a disk and a network that are simulated. Datagrams really are encoded and decoded. */
export class SimNode {
  readonly index: number;
  readonly signer: HeadSigner;
  readonly disk: SimDisk;
  replica: Replica | undefined;
  /** Counts lives: what belongs to an earlier one does not reach a later one. */
  #life = 0;
  #stream: SimStream | undefined;
  #wakeAtMs = Number.POSITIVE_INFINITY;
  #diskFreeAtMs = 0;
  readonly #cluster: number;
  readonly #world: Surroundings;

  constructor(index: number, cluster: number, signer: HeadSigner, disk: SimDisk, world: Surroundings) {
    this.disk = disk;
    this.index = index;
    this.#cluster = cluster;
    this.signer = signer;
    this.#world = world;
  }

  get name(): string {
    return `node-${this.index + 1}`;
  }

  get running(): boolean {
    return this.replica !== undefined;
  }

  /** Changes when the process dies or starts: connections do not outlive it. */
  get life(): number {
    return this.#life;
  }

  start(): void {
    this.#life++;
    this.#wakeAtMs = Number.POSITIVE_INFINITY;
    const at = (index: number) => ({ host: '127.0.0.1', port: firstPort + index });
    const seeds = Array.from({ length: Math.min(this.#cluster, 3) }, (_, index) => at(index));
    this.replica = new Replica(
      {
        self: {
          name: this.name,
          origin: this.signer.origin,
          incarnation: this.#life,
          heartbeat: 0,
          state: 'alive',
          udp: at(this.index),
          http: at(this.index),
        },
        seeds: seeds.filter((_, index) => index !== this.index),
        intervalMs: 200,
        fanout: 2,
        maxDatagramBytes,
        seedsOnly: false,
        expectsPeers: false,
        suspectAfterMs: 2_000,
        deadAfterMs: 10_000,
        queueBytes: 1024 * 1024,
        catchUpBytes: 16 * 1024,
      },
      {
        log: this.disk,
        hash: fastTreeHash,
        verifier: nodeHeadVerifier,
        signer: this.signer,
        random: this.#world.random,
      },
    );
    this.step({ type: 'wake' });
  }

  /** The process dies: what had not reached the disk is gone. */
  crash(): void {
    this.replica = undefined;
    this.#stream?.end();
    this.#life++;
    this.disk.crash();
  }

  publish(ticket: number, drafts: readonly Draft[], acks: number): void {
    this.step({ type: 'publish', orders: [{ ticket, drafts, acks, timeoutMs: 5_000 }] });
  }

  receive(sender: string, bytes: Uint8Array): void {
    if (this.running) this.step({ type: 'message', sender, message: decodeMessage(bytes) });
  }

  step(event: ReplicaEvent): void {
    const replica = this.replica;
    if (replica === undefined) return;
    for (const effect of replica.step(event, this.#world.now())) {
      this.#world.observe(this, effect);
      this.#carryOut(effect);
    }
    this.#scheduleWake(replica);
  }

  #carryOut(effect: ReplicaEffect): void {
    if (effect.type === 'send') this.#send(effect.to.port, effect.message);
    else if (effect.type === 'commit') this.#commit(effect);
    else if (effect.type === 'catch-up') this.#openStream(effect);
    else if (effect.type === 'catch-up-next') this.#stream?.next();
    else if (effect.type === 'catch-up-end') this.#stream?.end();
  }

  #openStream(effect: Extract<ReplicaEffect, { type: 'catch-up' }>): void {
    const ends = { client: this, server: this.#world.node(effect.peer.http.port) };
    this.#stream = new SimStream(effect, ends, this.#world, (event) => this.step(event));
  }

  #send(port: number, message: NodeMessage): void {
    const bytes = encodeMessage(message);
    if (bytes.length > maxDatagramBytes) throw new Error(`${message.type} of ${bytes.length} bytes does not fit.`);
    this.#world.send(this, port, bytes);
  }

  #commit({ batch, segments }: Extract<ReplicaEffect, { type: 'commit' }>): void {
    const life = this.#life;
    const nowMs = this.#world.now().monotonicMs;
    // One disk does one thing after the other, so that commits end in the order in which they began.
    this.#diskFreeAtMs = Math.max(this.#diskFreeAtMs, nowMs) + 0.3 + 3 * this.#world.random.float();
    this.disk.write(segments);
    this.#world.schedule(this.#diskFreeAtMs - nowMs, () => {
      if (life !== this.#life) return;
      this.disk.flushNext();
      this.#world.flushed(this);
      this.step({ type: 'committed', batch });
    });
  }

  #scheduleWake(replica: Replica): void {
    const nowMs = this.#world.now().monotonicMs;
    const atMs = Math.max(replica.wakeAtMs, nowMs);
    if (atMs >= this.#wakeAtMs) return;
    this.#wakeAtMs = atMs;
    const life = this.#life;
    this.#world.schedule(atMs - nowMs, () => {
      if (life !== this.#life) return;
      this.#wakeAtMs = Number.POSITIVE_INFINITY;
      this.step({ type: 'wake' });
    });
  }
}
