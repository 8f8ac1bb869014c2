import type { PublishOrder, ReplicaEffect, ReplicaEvent } from '@grapevine/cluster-node/core/events.ts';
import { Replica, type ReplicaOptions } from '@grapevine/cluster-node/core/replica.ts';
import type { PublishOutcome } from '@grapevine/cluster-node/node-service.ts';
import { Publisher } from '@grapevine/cluster-node/publisher.ts';
import { fastTreeHash } from '@grapevine/cluster-node/store/fast-tree-hash.ts';
import type { LogStore } from '@grapevine/cluster-node/store/log-store.ts';
import { SealedTransport } from '@grapevine/cluster-node/transport/sealed-transport.ts';
import type { Address } from '@grapevine/cluster-node/wire/messages.ts';
import { PlainOpener, PlainSealer } from '@grapevine/cluster-node/wire/plain.ts';
import { Opener, Sealer } from '@grapevine/cluster-node/wire/seal.ts';
import { spokenVersions } from '@grapevine/cluster-node/wire/version.ts';
import type { PublishRequest } from '@grapevine/shared/contracts/node-api.ts';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import type { Random } from '@grapevine/shared/random.ts';
import { clusterKeys } from './cluster-keys.ts';
import { retentionOf, rulesOf } from './retention.ts';
import type { SimNode, Surroundings } from './sim-node.ts';
import { SimScrub } from './sim-scrub.ts';
import { SimStream } from './sim-stream.ts';
import { SimTransport } from './sim-transport.ts';

/** The nodes' ports are their numbers, counted from here. */
export const firstPort = 1;

/** Between two passes of the scrub, in milliseconds. */
const scrubEveryMs = 2_000;
/** Between two looks of retention, as the node has it, in milliseconds. */
const eraseEveryMs = 1_000;

/** As with `setTimeout`, something else always gets its turn before a timer. */
const shortestTimerMs = 0.1;

/** One start of a node: the node's own core, publisher and seals, on its simulated machine. */
export class SimProcess {
  readonly replica: Replica;
  /** The catch-up stream that it opened last. */
  stream: SimStream | undefined;
  readonly #machine: SimNode;
  readonly #world: Surroundings;
  readonly #random: Random;
  readonly #publisher: Publisher | undefined;
  readonly #socket: SimTransport;
  readonly #transport: SealedTransport;
  #isLeaving = false;
  #isOver = false;
  #wakeAtMs = Number.POSITIVE_INFINITY;

  constructor(machine: SimNode, world: Surroundings, random: Random) {
    this.#machine = machine;
    this.#world = world;
    this.#random = random;
    const { signer, disk } = machine;
    this.#socket = new SimTransport(addressOf(machine.index), (to, bytes) => world.send(machine, to.port, bytes));
    this.#transport = new SealedTransport({
      transport: this.#socket,
      ...this.#protection(),
      maxDatagramBytes: this.#maxDatagramBytes,
    });
    this.replica = new Replica(this.#options(), {
      log: disk.log,
      hash: fastTreeHash,
      verifier: world.signatures.verifier,
      signer,
      random,
    });
    if (disk.views !== undefined) {
      const { maxBodyBytes } = world.settings;
      this.#publisher = new Publisher({
        origin: signer.origin,
        views: disk.views,
        maxBodyBytes,
        step: (event) => this.#enqueue(event),
        // It never loses patience here, which would cover up a replica that forgets a publish.
        after: () => () => {},
      });
    }
  }

  get isLeaving(): boolean {
    return this.#isLeaving;
  }

  /** Datagrams that it could not open or read, by reason. */
  get dropped(): Readonly<Record<string, number>> {
    return this.#transport.counts.dropped;
  }

  /** Begins to listen and to speak. */
  start(): void {
    this.#transport.onMessage((message, sender) => {
      this.#world.watcher.received(this.#machine, message);
      this.step({ type: 'message', sender, message });
    });
    this.#transport.onForeignVersion((version, sender) => this.step({ type: 'foreign-version', sender, version }));
    this.step({ type: 'wake' });
    const { store } = this.#machine.disk;
    if (store !== undefined) this.#startUpkeep(store);
  }

  /** Nothing of it happens any more. */
  end(): void {
    this.#isOver = true;
    this.stream?.end();
  }

  leave(): void {
    this.#isLeaving = true;
    this.step({ type: 'leave' });
  }

  /** As a client's request reaches the node. Never settles when the process ends first. */
  async publish(author: string, request: PublishRequest): Promise<PublishOutcome> {
    if (!this.replica.hasJoined) this.#world.situations.reached('refused before it knew its log');
    if (this.#isLeaving || !this.replica.hasJoined || this.#publisher === undefined) {
      throw new GrapevineError('UNAVAILABLE', `${this.#machine.name} takes no publishes.`);
    }
    this.#world.unsettle();
    return this.#publisher.publish(author, request);
  }

  /** Hands orders to the replica itself, without idempotency and whether it may write yet or not. */
  submit(orders: readonly PublishOrder[]): void {
    this.step({ type: 'publish', orders });
  }

  /** A datagram reaches its socket. */
  receive(bytes: Uint8Array, fromPort: number): void {
    this.#machine.loop.receive(bytes.length, () => this.#socket.deliver(bytes, addressOf(fromPort - firstPort)));
  }

  useSeeds(): void {
    this.step({ type: 'seeds', seeds: this.#seeds() });
  }

  step(event: ReplicaEvent): void {
    if (this.#isOver) return;
    for (const effect of this.replica.step(event, this.#machine.clock.now())) {
      this.#world.observe(this.#machine, effect);
      this.#carryOut(effect);
    }
    this.#scheduleWake();
  }

  #options(): ReplicaOptions {
    const { settings } = this.#world;
    const { name, index, signer, bootEpoch } = this.#machine;
    return {
      self: {
        name,
        origin: signer.origin,
        bootEpoch,
        incarnation: 0,
        heartbeat: 0,
        state: 'alive',
        versions: spokenVersions,
        udp: addressOf(index),
        http: addressOf(index),
        tls: false,
        catchingUp: false,
      },
      seeds: this.#seeds(),
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
      smallestRetentionMs: rulesOf(settings).smallestAgeMs,
    };
  }

  get #maxDatagramBytes(): number {
    const { maxDatagramBytes, oddDatagramBytes } = this.#world.settings;
    return this.#machine.index % 2 === 1 ? oddDatagramBytes : maxDatagramBytes;
  }

  #seeds(): Address[] {
    const { seeds, index } = this.#machine;
    return seeds.filter((seed) => seed !== index).map(addressOf);
  }

  #protection(): { sealer: Sealer | PlainSealer; opener: Opener | PlainOpener } {
    const { signer, keyFile, bootEpoch } = this.#machine;
    const { origin } = signer;
    if (!this.#world.settings.sealed) return { sealer: new PlainSealer(origin), opener: new PlainOpener(origin) };
    const ring = clusterKeys(keyFile);
    return { sealer: new Sealer({ key: ring.sealing, sender: origin, bootEpoch }), opener: new Opener(ring, origin) };
  }

  #carryOut(effect: ReplicaEffect): void {
    switch (effect.type) {
      case 'send':
        this.#send(effect);
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
        if (effect.notice.kind === 'outbid') this.#machine.raiseBootEpoch(effect.notice.bootEpoch);
        break;
      case 'advanced':
      case 'refused-segment':
        break;
    }
  }

  #send({ to, message, version }: Extract<ReplicaEffect, { type: 'send' }>): void {
    this.#transport.send(to, this.#machine.alter?.(message) ?? message, version);
  }

  #openStream(effect: Extract<ReplicaEffect, { type: 'catch-up' }>): void {
    const ends = { client: this.#machine, server: this.#world.node(effect.peer.http.port) };
    this.stream = new SimStream(effect, ends, this.#world, this.#random, (event) => this.#enqueue(event));
  }

  #commit({ batch, segments }: Extract<ReplicaEffect, { type: 'commit' }>): void {
    const { disk, timing } = this.#machine;
    this.#world.unsettle();
    // At once: the write's own end has had to wait for its turn already, and nothing comes between a failure and the replica.
    const finish = (event: ReplicaEvent): void => {
      try {
        this.step(event);
      } catch (error) {
        this.#world.fail(error);
      }
    };
    disk.commit(segments).then(
      () => finish({ type: 'committed', batch }),
      (error: unknown) => {
        if (error === timing.trouble) finish({ type: 'commit-failed', batch, reason: String(error) });
        else this.#world.fail(error);
      },
    );
  }

  /** Takes up an event when its turn comes: never inside the promise that tells of it. */
  #enqueue(event: ReplicaEvent): void {
    this.#world.schedule(0, () => {
      if (!this.#isOver) this.#machine.loop.run(() => this.step(event));
    });
  }

  #scrubOf(store: LogStore): SimScrub {
    const { signatures, situations } = this.#world;
    const checks = { hash: fastTreeHash, verifier: signatures.verifier };
    return new SimScrub({
      store,
      checks,
      situations,
      wallMs: () => this.#machine.clock.wallMs(),
      copies: (origin, seq) => this.#world.copies(this.#machine, origin, seq),
    });
  }

  #startUpkeep(store: LogStore): void {
    const { settings } = this.#world;
    const scrub = this.#scrubOf(store);
    if (settings.scrubs) this.#repeat(scrubEveryMs, () => scrub.pass());
    if (settings.eraseAfterSeconds === 0) return;
    const { clock } = this.#machine;
    const retention = retentionOf(settings, store, {
      wallMs: () => clock.now().wallMs,
      monotonicMs: () => clock.now().monotonicMs,
    });
    this.#repeat(eraseEveryMs, async () => {
      await retention.slice();
    });
  }

  /** Works now and then; a disk that fails meanwhile is no reason to stop. */
  #repeat(everyMs: number, work: () => Promise<void>): void {
    const again = (): void => this.#repeat(everyMs, work);
    this.#world.schedule(everyMs * (0.5 + this.#random.float()), () => {
      if (this.#isOver) return;
      this.#world.unsettle();
      work().then(again, (error: unknown) => {
        if (error === this.#machine.timing.trouble || this.#isOver) again();
        else this.#world.fail(error);
      });
    });
  }

  #scheduleWake(): void {
    const nowMs = this.#world.nowMs();
    const atMs = Math.max(this.#machine.clock.simulatedMsAt(this.replica.wakeAtMs), nowMs + shortestTimerMs);
    if (atMs >= this.#wakeAtMs) return;
    this.#wakeAtMs = atMs;
    this.#world.schedule(atMs - nowMs, () => {
      if (this.#isOver || this.#isLeaving) return;
      this.#wakeAtMs = Number.POSITIVE_INFINITY;
      this.#enqueue({ type: 'wake' });
    });
  }
}

/** The port of a node's socket. */
export function portOf({ index }: SimNode): number {
  return firstPort + index;
}

/** Where the node with this number is. */
function addressOf(index: number): Address {
  return { host: '127.0.0.1', port: firstPort + index };
}
