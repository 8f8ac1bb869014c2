import type { ReplicaEffect, ReplicaEvent } from '@grapevine/cluster-node/core/events.ts';
import { decodeSegment, type Segment, segmentHeadSize } from '@grapevine/cluster-node/wire/segment.ts';
import { DecodeError } from '@grapevine/shared/log/decode-error.ts';
import type { Random } from '@grapevine/shared/random.ts';
import type { SituationCounts } from './check/situations.ts';
import type { SimNode } from './sim-node.ts';
import type { SimProcess } from './sim-process.ts';

type CatchUpEffect = Extract<ReplicaEffect, { type: 'catch-up' }>;

/** What a stream needs of the world around it. */
export interface StreamSurroundings {
  readonly counts: { streams: number; brokenStreams: number };
  readonly situations: SituationCounts;
  schedule(delayMs: number, run: () => void): void;
  /** Whether two nodes reach each other now, in both directions. */
  connected(a: SimNode, b: SimNode): boolean;
}

/** Small, so that a stream takes many steps and faults hit it in the middle. */
const chunkBytes = 8 * 1024;
/** Share of chunks at which a connection breaks for no reason. */
const breakage = 0.02;

/** A catch-up stream from the disk of another node, in simulated time. Cut connections break at once or hang for ever. */
export class SimStream {
  readonly #effect: CatchUpEffect;
  readonly #server: SimNode;
  readonly #serving: SimProcess | undefined;
  readonly #client: SimNode;
  readonly #world: StreamSurroundings;
  readonly #random: Random;
  readonly #tell: (event: ReplicaEvent) => void;
  /** What is still to be sent, origin by origin: from which entry on, up to which. */
  readonly #rest: { readonly origin: string; seq: number; readonly size: number }[];
  /** Nobody has closed it yet. */
  isOpen = true;

  constructor(
    effect: CatchUpEffect,
    ends: { readonly client: SimNode; readonly server: SimNode },
    world: StreamSurroundings,
    random: Random,
    tell: (event: ReplicaEvent) => void,
  ) {
    this.#effect = effect;
    this.#client = ends.client;
    this.#server = ends.server;
    this.#serving = ends.server.process;
    this.#world = world;
    this.#random = random;
    this.#tell = tell;
    this.#rest = effect.origins.map((origin) => ({
      origin,
      seq: effect.since.get(origin) ?? 0,
      size: ends.server.replica?.flushed.size(origin) ?? 0,
    }));
    world.counts.streams++;
    this.next();
  }

  /** Numbers of the nodes at its ends. */
  get server(): number {
    return this.#server.index;
  }

  get client(): number {
    return this.#client.index;
  }

  /** Sends the next chunk, after a while. */
  next(): void {
    this.#world.schedule(0.2 + 5 * this.#random.float(), () => {
      if (this.isOpen) this.#send();
    });
  }

  end(): void {
    this.isOpen = false;
  }

  #send(): void {
    if (!this.#works()) {
      this.#world.counts.brokenStreams++;
      this.#world.situations.reached('stream broke');
      // Half of all broken connections say so; of the others only the silence tells.
      if (this.#random.float() < 0.5) this.#finish(false);
      return;
    }
    const segments = decodeAll(this.#read());
    if (segments === undefined) {
      this.#finish(false);
      return;
    }
    if (segments.length > 0) this.#tell({ type: 'streamed', stream: this.#effect.stream, segments });
    if (this.isOpen && this.#current() === undefined) this.#finish(true);
  }

  #works(): boolean {
    const isReachable = this.#world.connected(this.#client, this.#server);
    const isThere = this.#server.running && this.#server.process === this.#serving;
    return isReachable && isThere && this.#random.float() >= breakage;
  }

  #read(): Uint8Array[] {
    const place = this.#current();
    if (place === undefined) return [];
    const segments = this.#server.disk.log.segmentsFrom(place.origin, place.seq, chunkBytes);
    const last = segments.at(-1);
    place.seq = last === undefined ? place.size : segmentHeadSize(last);
    return segments;
  }

  #current() {
    return this.#rest.find(({ seq, size }) => seq < size);
  }

  #finish(isComplete: boolean): void {
    this.end();
    this.#tell({ type: 'stream-ended', stream: this.#effect.stream, isComplete });
  }
}

/** Undefined when one is damaged. */
function decodeAll(encoded: readonly Uint8Array[]): Segment[] | undefined {
  try {
    return encoded.map(decodeSegment);
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}
