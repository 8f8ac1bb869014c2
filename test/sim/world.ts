import type { ReplicaEffect } from '@grapevine/cluster-node/core/events.ts';
import type { Now } from '@grapevine/cluster-node/core/ports.ts';
import { signerFromKey } from '@grapevine/cluster-node/store/ed25519.ts';
import { type Random, SeededRandom } from '@grapevine/shared/random.ts';
import { Checker, SafetyViolation } from './checker.ts';
import { EventQueue } from './event-queue.ts';
import { Network } from './network.ts';
import { SimDisk } from './sim-disk.ts';
import { firstPort, SimNode, type Surroundings } from './sim-node.ts';
import { Trace } from './trace.ts';

const startWallMs = 1_700_000_000_000;

/** Simulated time, network and disks with the nodes in them. Everything that happens follows from the seed. */
export class World implements Surroundings {
  readonly random: Random;
  readonly trace = new Trace();
  readonly network: Network;
  readonly nodes: readonly SimNode[];
  readonly checker: Checker;
  readonly counts = {
    steps: 0,
    published: 0,
    settled: 0,
    rejected: 0,
    crashes: 0,
    partitions: 0,
    streams: 0,
    brokenStreams: 0,
  };
  readonly #queue = new EventQueue();
  #nowMs = 0;
  #ticket = 0;

  constructor(nodeCount: number, seed: number, disk: () => SimDisk = () => new SimDisk()) {
    this.random = new SeededRandom(seed);
    this.network = new Network(this.random, (delayMs, run) => this.schedule(delayMs, run));
    this.nodes = Array.from(
      { length: nodeCount },
      (_, index) => new SimNode(index, nodeCount, signerFromKey(this.random.bytes(32)), disk(), this),
    );
    this.checker = new Checker(this.nodes);
  }

  now(): Now {
    return { wallMs: startWallMs + Math.floor(this.#nowMs), monotonicMs: this.#nowMs };
  }

  schedule(delayMs: number, run: () => void): void {
    this.#queue.add(this.#nowMs + delayMs, run);
  }

  send(from: SimNode, toPort: number, bytes: Uint8Array): void {
    const to = this.node(toPort);
    this.network.send(from.index, to.index, bytes, (arrived) => {
      this.trace.note('arrive', this.#nowMs, from.index, to.index, arrived.length);
      to.receive(from.signer.origin, arrived);
    });
  }

  node(port: number): SimNode {
    const node = this.nodes[port - firstPort];
    if (node === undefined) throw new SafetyViolation(`somebody called port ${port}, where nobody ever was`);
    return node;
  }

  connected(a: SimNode, b: SimNode): boolean {
    return this.network.connects(a.index, b.index);
  }

  observe(node: SimNode, effect: ReplicaEffect): void {
    this.checker.observe(node, effect);
    if (effect.type === 'settled') this.counts.settled += effect.placements.length;
    else if (effect.type === 'rejected') this.counts.rejected++;
    if (effect.type !== 'send') this.trace.note(effect.type, this.#nowMs, node.index);
  }

  flushed(node: SimNode): void {
    this.checker.flushed(node);
  }

  /** Publishes `count` messages of `bodyBytes` at a node. */
  publish(node: SimNode, count: number, bodyBytes: number, acks: number): void {
    const drafts = Array.from({ length: count }, () => ({
      topic: `topic-${this.random.below(5)}`,
      author: 'simulator',
      contentType: 'text/plain',
      headers: {},
      body: this.random.bytes(bodyBytes),
    }));
    this.counts.published += count;
    node.publish(this.#ticket++, drafts, acks);
  }

  /** Lets the next thing happen; false when nothing ever will again. */
  step(): boolean {
    const event = this.#queue.next();
    if (event === undefined) return false;
    this.#nowMs = event.atMs;
    this.counts.steps++;
    event.run();
    return true;
  }
}
