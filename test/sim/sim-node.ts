import type { PublishOrder, ReplicaEffect, ReplicaEvent } from '@grapevine/cluster-node/core/events.ts';
import type { HeadSigner } from '@grapevine/cluster-node/core/ports.ts';
import { Replica, type ReplicaOptions } from '@grapevine/cluster-node/core/replica.ts';
import type { PublishOutcome } from '@grapevine/cluster-node/node-service.ts';
import { Publisher } from '@grapevine/cluster-node/publisher.ts';
import { fastTreeHash } from '@grapevine/cluster-node/store/fast-tree-hash.ts';
import { SealedTransport } from '@grapevine/cluster-node/transport/sealed-transport.ts';
import type { Address, NodeMessage } from '@grapevine/cluster-node/wire/messages.ts';
import { PlainOpener, PlainSealer } from '@grapevine/cluster-node/wire/plain.ts';
import { Opener, Sealer } from '@grapevine/cluster-node/wire/seal.ts';
import { spokenVersions } from '@grapevine/cluster-node/wire/version.ts';
import type { PublishRequest } from '@grapevine/shared/contracts/node-api.ts';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import type { Random } from '@grapevine/shared/random.ts';
import type { SituationCounts } from './check/situations.ts';
import type { Watcher } from './check/watcher.ts';
import { clusterKeys } from './cluster-keys.ts';
import type { DiskSchedule, NodeDisk } from './disk/node-disk.ts';
import { NodeClock } from './node-clock.ts';
import { NodeLoop } from './node-loop.ts';
import type { Settings } from './plan/plan.ts';
import type { Signatures } from './signatures.ts';
import { SimStream, type StreamSurroundings } from './sim-stream.ts';
import { SimTransport } from './sim-transport.ts';

/** What a simulated node needs of the world around it. */
export interface Surroundings extends StreamSurroundings {
  readonly settings: Settings;
  readonly signatures: Signatures;
  readonly situations: SituationCounts;
  readonly watcher: Watcher;
  nowMs(): number;
  /** The node at a port. */
  node(port: number): SimNode;
  send(from: SimNode, toPort: number, bytes: Uint8Array): void;
  /** Every effect of every step passes here before it is carried out: the checker looks at them. */
  observe(node: SimNode, effect: ReplicaEffect): void;
  /** Something new is on the disk of `node`. */
  flushed(node: SimNode): void;
  /** Promises were made that have to be kept before time goes on. */
  unsettle(): void;
}

/** The nodes' ports are their numbers, counted from here. */
export const firstPort = 1;

/** As with `setTimeout`, something else always gets its turn before a timer. */
const shortestTimerMs = 0.1;

/** A leaving node's process ends when nothing is left to write; this often it is looked at, in milliseconds. */
const leaveCheckMs = 10;

/** One node: the node's own core, store, views, publisher and seals on a disk, a network and clocks that are simulated. */
export class SimNode {
  readonly index: number;
  readonly name: string;
  readonly disk: NodeDisk;
  readonly clock: NodeClock;
  readonly loop: NodeLoop;
  /** Changes when the data folder is lost. */
  signer: HeadSigner;
  /** Nodes that it is told to start from. */
  seeds: readonly number[];
  /** Numbers of the cluster's keys in its key file, the sealing one first; read when it starts. */
  keyFile: readonly number[] = [0];
  replica: Replica | undefined;
  /** How long a write takes, in milliseconds. */
  writeMs: readonly [least: number, most: number];
  /** While set, writes fail. */
  diskFailure: Error | undefined;
  /** While set, what the node sends is altered before it is sealed. */
  alter: ((message: NodeMessage) => NodeMessage) | undefined;
  #publisher: Publisher | undefined;
  #socket: SimTransport | undefined;
  #transport: SealedTransport | undefined;
  /** Counts lives: what belongs to an earlier one does not reach a later one. */
  #life = 0;
  /** The catch-up stream that it opened last. */
  stream: SimStream | undefined;
  #isLeaving = false;
  #startsAgain = false;
  #wakeAtMs = Number.POSITIVE_INFINITY;
  #diskFreeAtMs = 0;
  /** In the data folder, and lost with it. */
  #bootEpoch = 0;
  readonly #world: Surroundings;
  readonly #random: Random;

  constructor(index: number, world: Surroundings, random: Random, makeDisk: DiskMaker) {
    this.index = index;
    this.name = `node-${index + 1}`;
    this.#world = world;
    this.#random = random;
    this.seeds = Array.from({ length: Math.min(world.settings.nodes, 3) }, (_, seed) => seed);
    this.writeMs = world.settings.writeMs;
    this.clock = new NodeClock(() => world.nowMs());
    this.loop = new NodeLoop(world);
    this.signer = world.signatures.signer(random.bytes(32));
    this.disk = makeDisk({
      afterWrite: (run) => this.#afterWrite(run),
      failure: () => this.diskFailure,
      flushed: () => world.flushed(this),
    });
  }

  get running(): boolean {
    return this.replica !== undefined;
  }

  /** Datagrams that this process could not open or read, by reason. */
  get dropped(): Readonly<Record<string, number>> {
    return this.#transport?.counts.dropped ?? {};
  }

  /** Changes when the process dies or starts: connections do not outlive it. */
  get life(): number {
    return this.#life;
  }

  /** Starts a process, unless one runs already. It is up when the disk has been read, at the same simulated time. */
  start(): void {
    if (this.running) return;
    const life = ++this.#life;
    this.#isLeaving = false;
    this.#startsAgain = false;
    this.#wakeAtMs = Number.POSITIVE_INFINITY;
    this.#diskFreeAtMs = this.#world.nowMs();
    this.loop.restart();
    this.clock.start();
    this.#world.unsettle();
    this.disk.open().then(
      () => this.#world.schedule(0, () => life === this.#life && this.#run()),
      (error: unknown) => this.#break(error),
    );
  }

  /** Starts a process, after the one that is leaving has ended. */
  startAgain(): void {
    if (this.#isLeaving && this.running) this.#startsAgain = true;
    else this.start();
  }

  /** The process dies. `keepsWrite`: see `NodeDisk.crash`. */
  crash(keepsWrite: boolean): void {
    if (!this.running) return;
    this.#end();
    if (this.disk.crash(keepsWrite)) this.#world.situations.reached('write survived its process');
  }

  /** The process says goodbye and ends when what it took is flushed. */
  leave(): void {
    if (!this.running || this.#isLeaving) return;
    this.#isLeaving = true;
    this.step({ type: 'leave' });
    const life = this.#life;
    const look = (): void => {
      if (life !== this.#life) return;
      if (this.replica?.idle !== true) {
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
    this.step({ type: 'seeds', seeds: this.#seedAddresses() });
  }

  /** The data folder is lost: the next process starts as a new origin. Only while none runs. */
  loseData(): void {
    this.disk.wipe();
    this.signer = this.#world.signatures.signer(this.#random.bytes(32));
    this.#bootEpoch = 0;
  }

  /** As a client's request reaches the node. Never settles when the node dies first. */
  async publish(author: string, request: PublishRequest): Promise<PublishOutcome> {
    if (this.replica?.hasJoined === false) this.#world.situations.reached('refused before it knew its log');
    if (this.#isLeaving || this.#publisher === undefined || this.replica?.hasJoined !== true) {
      throw new GrapevineError('UNAVAILABLE', `${this.name} takes no publishes.`);
    }
    this.#world.unsettle();
    return this.#publisher.publish(author, request);
  }

  /** Hands orders to the replica itself, without idempotency and whether it may write yet or not. */
  submit(orders: readonly PublishOrder[]): void {
    this.step({ type: 'publish', orders });
  }

  /** A datagram reaches the node's socket. */
  receive(bytes: Uint8Array, fromPort: number): void {
    const socket = this.#socket;
    if (socket === undefined) return;
    this.loop.receive(bytes.length, () => socket.deliver(bytes, addressOf(fromPort)));
  }

  step(event: ReplicaEvent): void {
    const { replica } = this;
    if (replica === undefined) return;
    for (const effect of replica.step(event, this.clock.now())) {
      this.#world.observe(this, effect);
      this.#carryOut(effect);
    }
    this.#scheduleWake(replica);
  }

  #run(): void {
    const { settings } = this.#world;
    // As `claimBootEpoch` does.
    this.#bootEpoch = Math.max(this.clock.wallMs(), this.#bootEpoch + 1);
    const socket = new SimTransport(addressOf(firstPort + this.index), (to, bytes) =>
      this.#world.send(this, to.port, bytes),
    );
    this.#socket = socket;
    const transport = new SealedTransport({
      transport: socket,
      ...this.#protection(),
      maxDatagramBytes: this.#maxDatagramBytes,
    });
    this.#transport = transport;
    this.replica = new Replica(this.#options(), {
      log: this.disk.log,
      hash: fastTreeHash,
      verifier: this.#world.signatures.verifier,
      signer: this.signer,
      random: this.#random,
    });
    const { views } = this.disk;
    if (views !== undefined) {
      this.#publisher = new Publisher(this.signer.origin, views, settings.maxBodyBytes, (event) =>
        this.#enqueue(event),
      );
    }
    transport.onMessage((message, sender) => {
      this.#world.watcher.received(this, message);
      this.step({ type: 'message', sender, message });
    });
    transport.onForeignVersion((version, sender) => this.step({ type: 'foreign-version', sender, version }));
    this.step({ type: 'wake' });
  }

  #end(): void {
    this.#world.watcher.ended(this);
    this.#life++;
    this.loop.restart();
    this.stream?.end();
    this.replica = undefined;
    this.#publisher = undefined;
    this.#socket = undefined;
    this.#transport = undefined;
  }

  #options(): ReplicaOptions {
    const { settings } = this.#world;
    return {
      self: {
        name: this.name,
        origin: this.signer.origin,
        bootEpoch: this.#bootEpoch,
        incarnation: 0,
        heartbeat: 0,
        state: 'alive',
        versions: spokenVersions,
        udp: addressOf(firstPort + this.index),
        http: addressOf(firstPort + this.index),
        tls: false,
        catchingUp: false,
      },
      seeds: this.#seedAddresses(),
      expectsPeers: false,
      intervalMs: settings.intervalMs,
      fanout: settings.fanout,
      maxDatagramBytes: this.#maxDatagramBytes,
      seedsOnly: false,
      suspectAfterMs: settings.suspectAfterMs,
      deadAfterMs: settings.deadAfterMs,
      forgetAfterMs: settings.forgetAfterMs,
      queueBytes: settings.queueBytes,
      catchUpBytes: settings.catchUpBytes,
      smallestRetentionMs: Number.POSITIVE_INFINITY,
    };
  }

  get #maxDatagramBytes(): number {
    const { maxDatagramBytes, oddDatagramBytes } = this.#world.settings;
    return this.index % 2 === 1 ? oddDatagramBytes : maxDatagramBytes;
  }

  #seedAddresses(): Address[] {
    return this.seeds.filter((seed) => seed !== this.index).map((seed) => addressOf(firstPort + seed));
  }

  #protection(): { sealer: Sealer | PlainSealer; opener: Opener | PlainOpener } {
    const { origin } = this.signer;
    if (!this.#world.settings.sealed) return { sealer: new PlainSealer(origin), opener: new PlainOpener(origin) };
    const ring = clusterKeys(this.keyFile);
    return {
      sealer: new Sealer({ key: ring.sealing, sender: origin, bootEpoch: this.#bootEpoch }),
      opener: new Opener(ring, origin),
    };
  }

  #carryOut(effect: ReplicaEffect): void {
    switch (effect.type) {
      case 'send':
        this.#transport?.send(effect.to, this.alter?.(effect.message) ?? effect.message, effect.version);
        break;
      case 'commit':
        this.#commit(effect);
        break;
      case 'settled':
      case 'rejected':
        this.#world.unsettle();
        this.#publisher?.finish(effect);
        break;
      case 'catch-up':
        this.#openStream(effect);
        break;
      case 'catch-up-next':
        this.stream?.next();
        break;
      case 'catch-up-end':
        this.stream?.end();
        break;
      case 'notice':
        if (effect.notice.kind === 'outbid') this.#bootEpoch = Math.max(this.#bootEpoch, effect.notice.bootEpoch);
        break;
      case 'advanced':
      case 'refused-segment':
        break;
    }
  }

  #openStream(effect: Extract<ReplicaEffect, { type: 'catch-up' }>): void {
    const life = this.#life;
    const ends = { client: this, server: this.#world.node(effect.peer.http.port) };
    this.stream = new SimStream(effect, ends, this.#world, this.#random, (event) => this.#enqueue(event, life));
  }

  #commit({ batch, segments }: Extract<ReplicaEffect, { type: 'commit' }>): void {
    this.#world.unsettle();
    const life = this.#life;
    // At once, for the write's own end has had to wait for its turn already.
    const finish = (event: ReplicaEvent): void => {
      this.#world.schedule(0, () => life === this.#life && this.step(event));
    };
    this.disk.commit(segments).then(
      () => finish({ type: 'committed', batch }),
      (error: unknown) => {
        if (error === this.diskFailure) finish({ type: 'commit-failed', batch, reason: String(error) });
        else this.#break(error);
      },
    );
  }

  /** Lets the process take up an event when its turn comes: never inside the promise that tells of it. */
  #enqueue(event: ReplicaEvent, life = this.#life): void {
    this.#world.schedule(0, () => {
      if (life === this.#life) this.loop.run(() => this.step(event));
    });
  }

  /** What nobody meant to happen ends the simulation. */
  #break(error: unknown): void {
    this.#world.schedule(0, () => {
      throw error;
    });
  }

  /**
   * One disk does one thing after the other, so that writes end in the order in which they began. That one has ended the
   * process hears when its turn comes.
   */
  #afterWrite(run: () => void): void {
    const life = this.#life;
    const nowMs = this.#world.nowMs();
    const [least, most] = this.writeMs;
    this.#diskFreeAtMs = Math.max(this.#diskFreeAtMs, nowMs) + least + (most - least) * this.#random.float();
    this.#world.schedule(this.#diskFreeAtMs - nowMs, () => {
      if (life !== this.#life) return;
      this.loop.run(() => {
        this.#world.unsettle();
        run();
      });
    });
  }

  #scheduleWake(replica: Replica): void {
    const nowMs = this.#world.nowMs();
    const atMs = Math.max(this.clock.simulatedMsAt(replica.wakeAtMs), nowMs + shortestTimerMs);
    if (atMs >= this.#wakeAtMs) return;
    this.#wakeAtMs = atMs;
    const life = this.#life;
    this.#world.schedule(atMs - nowMs, () => {
      if (life !== this.#life || this.#isLeaving) return;
      this.#wakeAtMs = Number.POSITIVE_INFINITY;
      this.#enqueue({ type: 'wake' });
    });
  }
}

export type DiskMaker = (schedule: DiskSchedule) => NodeDisk;

function addressOf(port: number): Address {
  return { host: '127.0.0.1', port };
}
