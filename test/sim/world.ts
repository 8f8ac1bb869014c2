import type { ReplicaEffect } from '@grapevine/cluster-node/core/events.ts';
import { type Random, SeededRandom } from '@grapevine/shared/random.ts';
import { Checker } from './check/checker.ts';
import { Clients } from './check/clients.ts';
import { SituationCounts } from './check/situations.ts';
import { SafetyViolation } from './check/violation.ts';
import { Watcher } from './check/watcher.ts';
import { LightDisk } from './disk/light-disk.ts';
import { StoredDisk } from './disk/stored-disk.ts';
import { EventQueue } from './event-queue.ts';
import { Network } from './network.ts';
import type { Settings } from './plan/plan.ts';
import { Recording } from './recording.ts';
import { cheapSignatures, ed25519Signatures, type Signatures } from './signatures.ts';
import { type DiskMaker, SimNode, type Surroundings } from './sim-node.ts';
import { firstPort, portOf } from './sim-process.ts';
import { Trace } from './trace.ts';

/**
 * Time goes on in whole ticks, a power of two to the millisecond: so clocks that start at different times differ by exactly
 * that, and a process that wakes at a time that it asked for finds that it has come.
 */
const ticksPerMs = 1_024;

/** Simulated time, network and disks with the nodes in them. Everything that happens follows from the settings and the acts. */
export class World implements Surroundings {
  readonly settings: Settings;
  readonly signatures: Signatures;
  readonly trace = new Trace();
  readonly network: Network;
  readonly nodes: readonly SimNode[];
  readonly checker: Checker;
  readonly clients: Clients;
  readonly situations = new SituationCounts();
  readonly watcher = new Watcher(this.situations);
  readonly recording = new Recording();
  /** For acts whose parameters leave something open. */
  readonly chance: Random;
  readonly counts = { events: 0, crashes: 0, partitions: 0, streams: 0, brokenStreams: 0 };
  /** Number of the key with which the cluster is to seal. */
  sealingKey = 0;
  readonly #queue = new EventQueue();
  readonly #ongoing = new Set<() => void>();
  #nowMs = 0;
  #isSettled = true;
  #isHealed = false;

  constructor(settings: Settings, disk: DiskMaker = diskMaker(settings)) {
    this.settings = settings;
    this.signatures = settings.signed ? ed25519Signatures : cheapSignatures;
    const { seed } = settings;
    this.chance = streamOf(seed, 0x1_0000);
    this.network = new Network(streamOf(seed, 0), (delayMs, run) => this.schedule(delayMs, run));
    this.nodes = Array.from(
      { length: settings.nodes },
      (_, index) => new SimNode(index, this, streamOf(seed, index + 1), disk),
    );
    this.checker = new Checker(this.nodes, this.situations);
    this.clients = new Clients(this);
  }

  nowMs(): number {
    return this.#nowMs;
  }

  schedule(delayMs: number, run: () => void): void {
    this.#queue.add(Math.ceil((this.#nowMs + delayMs) * ticksPerMs) / ticksPerMs, run);
  }

  send(from: SimNode, toPort: number, bytes: Uint8Array): void {
    const to = this.node(toPort);
    this.recording.note(to.index, this.#nowMs, portOf(from), bytes);
    this.network.send(from.index, to.index, bytes, (arrived) => {
      this.trace.note('arrive', this.#nowMs, from.index, to.index, arrived.length);
      to.receive(arrived, portOf(from));
    });
  }

  node(port: number): SimNode {
    const node = this.nodes[port - firstPort];
    if (node === undefined) throw new SafetyViolation('C2', `somebody called port ${port}, where nobody ever was`);
    return node;
  }

  connected(a: SimNode, b: SimNode): boolean {
    return this.network.connects(a.index, b.index) && this.network.connects(b.index, a.index);
  }

  observe(node: SimNode, effect: ReplicaEffect): void {
    this.checker.observe(node, effect);
    this.watcher.observe(node, effect);
    if (effect.type !== 'send') this.trace.note(effect.type, this.#nowMs, node.index);
  }

  flushed(node: SimNode): void {
    this.checker.truth.flushed(node);
  }

  sizeLeft(origin: string): number {
    return this.checker.sizeLeft(origin);
  }

  requireHeld(origin: string, size: number, heldBy: number): void {
    this.checker.requireHeld(origin, size, heldBy);
  }

  unsettle(): void {
    this.#isSettled = false;
  }

  *copies(node: SimNode, origin: string, seq: number): Generator<Uint8Array> {
    for (const peer of this.nodes) {
      if (peer === node || !peer.running || !this.connected(node, peer)) continue;
      yield* peer.disk.log.segmentsFrom(origin, seq, 1);
    }
  }

  fail(error: unknown): void {
    this.schedule(0, () => {
      throw error;
    });
  }

  /** Calls back with node `index`, unless the cluster has become too small to have it. */
  withNode(index: number, act: (node: SimNode) => void): void {
    const node = this.nodes[index];
    if (node !== undefined) act(node);
  }

  /** Calls `act` after a while, unless all is healed by then. */
  unlessHealed(delayMs: number, act: () => void): void {
    this.schedule(delayMs, () => {
      if (!this.#isHealed) act();
    });
  }

  /** Calls `end` after a while, or when all is healed. */
  faultFor(forMs: number, end: () => void): void {
    this.#ongoing.add(end);
    this.schedule(forMs, () => {
      if (this.#ongoing.delete(end)) end();
    });
  }

  /** Ends every fault that is under way. */
  heal(): void {
    this.trace.note('heal', this.#nowMs);
    this.#isHealed = true;
    for (const end of this.#ongoing) end();
    this.#ongoing.clear();
    this.network.heal();
    for (const node of this.nodes) {
      if (node.keyFile.join() !== `${this.sealingKey}`) {
        node.keyFile = [this.sealingKey];
        node.crash(false);
      }
      node.startAgain();
    }
  }

  /** Lets the next thing happen, if one does before `untilMs`; false when none does, and then it is `untilMs`. */
  async step(untilMs: number): Promise<boolean> {
    if (!this.#isSettled) await this.#settle();
    const event = this.#queue.next(untilMs);
    if (event === undefined) {
      this.#nowMs = Math.max(this.#nowMs, untilMs);
      return false;
    }
    this.#nowMs = event.atMs;
    this.counts.events++;
    event.run();
    return true;
  }

  /** Lets promises come true that need no simulated time. None of them waits for anything but others. */
  async #settle(): Promise<void> {
    this.#isSettled = true;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function diskMaker({ disk }: Settings): DiskMaker {
  return disk === 'stored' ? (schedule) => new StoredDisk(schedule) : (schedule) => new LightDisk(schedule);
}

/** A stream of its own for each user of chance, so that an act more or less changes little for the others. */
function streamOf(seed: number, user: number): SeededRandom {
  return new SeededRandom((Math.imul(seed, 0x9e3779b1) ^ Math.imul(user + 1, 0x85ebca6b)) >>> 0);
}
