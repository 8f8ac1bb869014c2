import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Vector } from '@grapevine/shared/contracts/consistency-token.ts';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import type { NodeService } from '../node-service.ts';
import { segmentHeadSize } from '../wire/segment.ts';
import { encodeFrames } from '../wire/segment-frames.ts';

/**
 * Streams at once: each holds two chunks and keeps the disk busy, and a requester that is sent away asks another node or
 * gossips on.
 */
const maxStreams = 8;
/** Bytes of segments read at once: between two reads publishes, gossip and the other streams have their turn. */
const chunkBytes = 256 * 1024;
/** A requester that takes nothing for so long, in milliseconds, is cut off: others may be waiting for its place. */
const stallMs = 30_000;

/** Which segments somebody asks for. */
export interface SegmentSelection {
  /** What the requester holds. */
  readonly since: Vector;
  /** Only those of these origins; of all when undefined. */
  readonly origins: readonly string[] | undefined;
  /** The answer ends with the segment that reaches so many bytes. */
  readonly limitBytes: number;
}

/**
 * All streams of segments that a node has open. A stream holds no snapshot of the store and no more than it has just read:
 * it remembers its place, and reads on when the requester has taken what was sent.
 */
export class SegmentStreams {
  readonly #service: Pick<NodeService, 'log' | 'views'>;
  readonly #stallMs: number;
  readonly #open = new Set<ServerResponse>();

  constructor(service: Pick<NodeService, 'log' | 'views'>, stall = stallMs) {
    this.#service = service;
    this.#stallMs = stall;
  }

  /** Streams that are open. */
  get size(): number {
    return this.#open.size;
  }

  /**
   * Sends what is flushed now of the selection, and resolves when that has been sent or the requester has gone away. Throws
   * `OVERLOADED` when too many streams are open; rejects, with the answer cut off, when the store cannot be read.
   */
  async send(response: ServerResponse, selection: SegmentSelection): Promise<void> {
    if (this.#open.size >= maxStreams) {
      throw new GrapevineError(
        'OVERLOADED',
        `Found ${maxStreams} open streams of segments, which is the most that a node serves.`,
        { retryAfterSeconds: 1 },
      );
    }
    this.#open.add(response);
    response.setTimeout(this.#stallMs, () => response.destroy());
    response.writeHead(200, { 'content-type': 'application/octet-stream', 'cache-control': 'no-store' });
    try {
      await pipeline(Readable.from(this.#chunks(selection), { highWaterMark: 1 }), response);
    } catch (error) {
      if (!isPrematureClose(error)) throw error;
    } finally {
      this.#open.delete(response);
    }
  }

  /** Cuts every stream; requesters go on at another node. */
  close(): void {
    for (const response of this.#open) response.destroy();
  }

  async *#chunks({ since, origins, limitBytes }: SegmentSelection): AsyncGenerator<Uint8Array, void> {
    const held = this.#service.views.vector();
    let budget = limitBytes;
    for (const origin of origins ?? [...held.keys()].sort()) {
      const size = held.get(origin) ?? 0;
      for (let seq = since.get(origin) ?? 0; seq < size && budget > 0; ) {
        const segments = this.#service.log.segmentsFrom(origin, seq, Math.min(chunkBytes, budget));
        const last = segments.at(-1);
        if (last === undefined) break;
        yield encodeFrames(segments);
        await nextTurn();
        budget -= segments.reduce((sum, segment) => sum + segment.length, 0);
        seq = segmentHeadSize(last);
      }
    }
  }
}

/** Whether it only means that the requester went away. */
function isPrematureClose(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE';
}
