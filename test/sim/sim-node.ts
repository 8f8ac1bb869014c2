import type { ReplicaEffect } from '@grapevine/cluster-node/core/events.ts';
import type { HeadSigner } from '@grapevine/cluster-node/core/ports.ts';
import type { Replica } from '@grapevine/cluster-node/core/replica.ts';
import type { NodeMessage } from '@grapevine/cluster-node/wire/messages.ts';
import type { Random } from '@grapevine/shared/random.ts';
import type { Watcher } from './check/watcher.ts';
import { type DiskSurroundings, DiskTiming } from './disk/disk-timing.ts';
import type { DiskSchedule, NodeDisk } from './disk/node-disk.ts';
import { NodeClock } from './node-clock.ts';
import { NodeLoop } from './node-loop.ts';
import type { Settings } from './plan/plan.ts';
import type { Signatures } from './signatures.ts';
import { SimProcess } from './sim-process.ts';
import type { StreamSurroundings } from './sim-stream.ts';

/** What a simulated node needs of the world around it. */
export interface Surroundings extends StreamSurroundings, DiskSurroundings {
  readonly settings: Settings;
  readonly signatures: Signatures;
  readonly watcher: Watcher;
  /** The node at a port. */
  node(port: number): SimNode;
  send(from: SimNode, toPort: number, bytes: Uint8Array): void;
  /** Every effect of every step passes here before it is carried out: the checker looks at them. */
  observe(node: SimNode, effect: ReplicaEffect): void;
  /** Something new is on the disk of `node`. */
  flushed(node: SimNode): void;
  /** What peers that `node` reaches now give for the segment that holds an entry. */
  copies(node: SimNode, origin: string, seq: number): Iterable<Uint8Array>;
  /** Ends the simulation with what nobody meant to happen. */
  fail(error: unknown): void;
}

export type DiskMaker = (schedule: DiskSchedule) => NodeDisk;

/** A leaving node's process ends when nothing is left to write; this often it is looked at, in milliseconds. */
const leaveCheckMs = 10;

/** One node's machine: disk, clocks, data folder and configuration, and the process that runs there, if one does. */
export class SimNode {
  readonly index: number;
  readonly name: string;
  readonly disk: NodeDisk;
  readonly timing: DiskTiming;
  readonly clock: NodeClock;
  readonly loop: NodeLoop;
  process: SimProcess | undefined;
  /** Nodes that it is told to start from. */
  seeds: readonly number[];
  /** Numbers of the cluster's keys in its key file, the sealing one first; read when it starts. */
  keyFile: readonly number[] = [0];
  /** While set, what the node sends is altered before it is sealed. */
  alter: ((message: NodeMessage) => NodeMessage) | undefined;
  #signer: HeadSigner;
  #bootEpoch = 0;
  #starts = 0;
  #startsAgain = false;
  readonly #world: Surroundings;
  readonly #random: Random;

  constructor(index: number, world: Surroundings, random: Random, makeDisk: DiskMaker) {
    this.index = index;
    this.name = `node-${index + 1}`;
    this.#world = world;
    this.#random = random;
    this.seeds = Array.from({ length: Math.min(world.settings.nodes, 3) }, (_, seed) => seed);
    this.clock = new NodeClock(() => world.nowMs());
    this.loop = new NodeLoop(world);
    this.#signer = world.signatures.signer(random.bytes(32));
    this.timing = new DiskTiming(world, this.loop, random, () => world.flushed(this));
    this.disk = makeDisk(this.timing);
  }

  /** Changes when the data folder is lost. */
  get signer(): HeadSigner {
    return this.#signer;
  }

  /** In the data folder, and lost with it. */
  get bootEpoch(): number {
    return this.#bootEpoch;
  }

  get running(): boolean {
    return this.process !== undefined;
  }

  get replica(): Replica | undefined {
    return this.process?.replica;
  }

  /** Starts a process, unless one runs already. It is up when the disk has been read, at the same simulated time. */
  start(): void {
    if (this.running) return;
    const start = ++this.#starts;
    this.#startsAgain = false;
    this.loop.restart();
    this.timing.restart();
    this.clock.start();
    this.#world.unsettle();
    this.disk.open().then(
      () => this.#world.schedule(0, () => start === this.#starts && !this.running && this.#run()),
      (error: unknown) => this.#world.fail(error),
    );
  }

  /** Starts a process, after the one that is leaving has ended. */
  startAgain(): void {
    if (this.process?.isLeaving === true) this.#startsAgain = true;
    else this.start();
  }

  /** The process dies. `keepsWrite`: see `NodeDisk.crash`. */
  crash(keepsWrite: boolean): void {
    if (this.process === undefined) return;
    this.#world.watcher.ended(this);
    this.process.end();
    this.process = undefined;
    this.loop.restart();
    this.timing.restart();
    if (this.disk.crash(keepsWrite)) this.#world.situations.reached('write survived its process');
  }

  /** The process says goodbye and ends when what it took is flushed. */
  leave(): void {
    const leaving = this.process;
    if (leaving === undefined || leaving.isLeaving) return;
    leaving.leave();
    const look = (): void => {
      if (this.process !== leaving) return;
      if (!leaving.replica.idle) {
        this.#world.schedule(leaveCheckMs, look);
        return;
      }
      this.crash(false);
      if (this.#startsAgain) this.start();
    };
    this.#world.schedule(leaveCheckMs, look);
  }

  /** The registry names other seeds, to this process and to later ones. */
  changeSeeds(seeds: readonly number[]): void {
    this.seeds = seeds;
    this.process?.useSeeds();
  }

  /** The data folder is lost: the next process starts as a new origin. Only while none runs. */
  loseData(): void {
    this.disk.wipe();
    this.#signer = this.#world.signatures.signer(this.#random.bytes(32));
    this.#bootEpoch = 0;
  }

  raiseBootEpoch(epoch: number): void {
    this.#bootEpoch = Math.max(this.#bootEpoch, epoch);
  }

  /** A datagram reaches the machine. */
  receive(bytes: Uint8Array, fromPort: number): void {
    this.process?.receive(bytes, fromPort);
  }

  #run(): void {
    // As `claimBootEpoch` does.
    this.#bootEpoch = Math.max(this.clock.wallMs(), this.#bootEpoch + 1);
    this.process = new SimProcess(this, this.#world, this.#random);
    this.process.start();
  }
}
