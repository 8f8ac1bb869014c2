/**
 * Segments one after the other, as `GET /v1/segments` streams them, big-endian:
 *
 * ```
 * stream = frame*
 * frame  = length u32 · segment      see segment.ts
 * ```
 */
import { ByteReader, ByteWriter } from '@grapevine/shared/log/bytes.ts';
import { DecodeError } from '@grapevine/shared/log/decode-error.ts';
import { maxSegmentBytes } from './limits.ts';
import { minSegmentBytes } from './segment.ts';

const lengthBytes = 4;

/** The frames of `segments`. */
export function encodeFrames(segments: readonly Uint8Array[]): Uint8Array {
  const length = segments.reduce((sum, segment) => sum + lengthBytes + segment.length, 0);
  const writer = new ByteWriter(length, length);
  for (const segment of segments) {
    writer.u32(segment.length);
    writer.bytes(segment);
  }
  return writer.take();
}

/**
 * Cuts a stream of frames into segments, in whatever pieces it arrives. Holds at most one unfinished segment, and makes
 * room for it only after its length has been found possible.
 */
export class FrameDecoder {
  readonly #length = new Uint8Array(lengthBytes);
  #lengthRead = 0;
  #segment: Uint8Array | undefined;
  #segmentRead = 0;

  /**
   * Takes in the next bytes of the stream and answers the segments that they complete, as copies. Throws `DecodeError` for
   * a length that no segment has; what follows it is worthless. Segments themselves are not looked at.
   */
  push(bytes: Uint8Array): Uint8Array[] {
    const complete: Uint8Array[] = [];
    let at = 0;
    while (at < bytes.length) {
      at += this.#segment === undefined ? this.#readLength(bytes, at) : this.#readSegment(this.#segment, bytes, at);
      if (this.#segment === undefined || this.#segmentRead < this.#segment.length) continue;
      complete.push(this.#segment);
      this.#segment = undefined;
      this.#lengthRead = 0;
    }
    return complete;
  }

  /** Throws `DecodeError` when the stream has ended inside a frame. */
  end(): void {
    if (this.#lengthRead === 0) return;
    const expected = this.#segment?.length ?? 'the length of';
    throw new DecodeError(`Expected ${expected} bytes of a segment, found the end after ${this.#segmentRead}.`);
  }

  #readLength(bytes: Uint8Array, at: number): number {
    const part = bytes.subarray(at, at + lengthBytes - this.#lengthRead);
    this.#length.set(part, this.#lengthRead);
    this.#lengthRead += part.length;
    if (this.#lengthRead === lengthBytes) {
      const length = new ByteReader(this.#length).u32();
      if (length < minSegmentBytes || length > maxSegmentBytes) {
        throw new DecodeError(`Expected a segment of ${minSegmentBytes} to ${maxSegmentBytes} bytes, found ${length}.`);
      }
      this.#segment = new Uint8Array(length);
      this.#segmentRead = 0;
    }
    return part.length;
  }

  #readSegment(segment: Uint8Array, bytes: Uint8Array, at: number): number {
    const part = bytes.subarray(at, at + segment.length - this.#segmentRead);
    segment.set(part, this.#segmentRead);
    this.#segmentRead += part.length;
    return part.length;
  }
}
