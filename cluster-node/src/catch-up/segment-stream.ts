import type { Logger } from 'pino';
import type { ReplicaEffect, ReplicaEvent } from '../core/events.ts';
import type { MemberDigest } from '../wire/messages.ts';
import { decodeSegment, type Segment } from '../wire/segment.ts';
import type { AheadVerifier } from './ahead-verifier.ts';

/**
 * Bytes handed over at once: some 700 small messages, which take the node about 10 ms. Two such chunks are in memory at a
 * time, one that waits to be taken and one that arrives.
 */
const chunkBytes = 256 * 1024;

export type CatchUpEffect = Extract<ReplicaEffect, { type: 'catch-up' }>;

/** A peer's segments of some origins, as they arrive, each origin's in order. Throws when they cannot be had. */
export type SegmentSource = (
  peer: MemberDigest,
  request: Pick<CatchUpEffect, 'origins' | 'since'>,
  signal: AbortSignal,
) => AsyncIterable<readonly Uint8Array[]>;

export interface SegmentStreamPorts {
  readonly source: SegmentSource;
  readonly verifier: AheadVerifier;
  readonly log: Logger;
  readonly step: (event: ReplicaEvent) => void;
}

/**
 * Carries out one catch-up: reads a peer's segments and hands them to the replica chunk by chunk, each only when it was asked
 * for. While the replica commits one chunk the next arrives and its signatures are checked; then the peer has to wait.
 */
export class SegmentStream {
  readonly #effect: CatchUpEffect;
  readonly #ports: SegmentStreamPorts;
  readonly #abort = new AbortController();
  #asked = Promise.withResolvers<void>();

  constructor(effect: CatchUpEffect, ports: SegmentStreamPorts) {
    this.#effect = effect;
    this.#ports = ports;
    this.next();
    void this.#run();
  }

  /** The replica takes another chunk. */
  next(): void {
    this.#asked.resolve();
  }

  /** Hangs up. The replica hears nothing more of this stream. */
  end(): void {
    this.#abort.abort();
    this.#asked.resolve();
  }

  async #run(): Promise<void> {
    const { peer, stream } = this.#effect;
    const { log } = this.#ports;
    try {
      await this.#read();
      this.#tell({ type: 'stream-ended', stream, isComplete: true });
    } catch (error) {
      if (this.#abort.signal.aborted) return;
      log.warn({ peer: peer.name, err: error }, 'a catch-up broke off');
      this.#tell({ type: 'stream-ended', stream, isComplete: false });
    }
  }

  async #read(): Promise<void> {
    const { source } = this.#ports;
    let chunk: Segment[] = [];
    let bytes = 0;
    for await (const segments of source(this.#effect.peer, this.#effect, this.#abort.signal)) {
      for (const segment of segments) {
        chunk.push(decodeSegment(segment));
        bytes += segment.length;
      }
      if (bytes < chunkBytes) continue;
      await this.#handOver(chunk);
      chunk = [];
      bytes = 0;
    }
    if (chunk.length > 0) await this.#handOver(chunk);
  }

  async #handOver(segments: readonly Segment[]): Promise<void> {
    await this.#ports.verifier.verifyAhead(segments.map(({ head }) => head));
    await this.#asked.promise;
    this.#asked = Promise.withResolvers();
    this.#tell({ type: 'streamed', stream: this.#effect.stream, segments });
  }

  #tell(event: ReplicaEvent): void {
    if (!this.#abort.signal.aborted) this.#ports.step(event);
  }
}
