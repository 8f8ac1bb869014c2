/** Bytes before the payload: at most 2, 8 of extended length, 4 of masking key (RFC 6455 section 5.2). */
const maxHeaderBytes = 14;

/**
 * Follows WebSocket frames by their lengths alone, to know where one ends and another may begin: a frame of ours in the
 * middle of somebody else's would be taken for part of its payload. Nothing is unmasked, checked or kept.
 */
export class FrameBoundary {
  readonly #header = new Uint8Array(maxHeaderBytes);
  #headerBytes = 0;
  #payloadLeft = 0n;

  /** Whether what was read so far ends with a whole frame. */
  get reached(): boolean {
    return this.#headerBytes === 0 && this.#payloadLeft === 0n;
  }

  /**
   * Reads on. With `stopAtFirst` it reads only to the first boundary. Answers how many bytes of `chunk` were read.
   */
  read(chunk: Uint8Array, stopAtFirst: boolean): number {
    let at = 0;
    while (at < chunk.length && !(stopAtFirst && this.reached)) {
      at = this.#payloadLeft > 0n ? this.#skipPayload(chunk, at) : this.#readHeader(chunk, at);
    }
    return at;
  }

  #skipPayload(chunk: Uint8Array, at: number): number {
    const here = chunk.length - at;
    const skipped = this.#payloadLeft < BigInt(here) ? Number(this.#payloadLeft) : here;
    this.#payloadLeft -= BigInt(skipped);
    return at + skipped;
  }

  /** One byte of the header; complete, it says how long the payload is. */
  #readHeader(chunk: Uint8Array, at: number): number {
    this.#header[this.#headerBytes++] = chunk[at] ?? 0;
    const second = this.#header[1] ?? 0;
    const lengthCode = second & 0x7f;
    const lengthBytes = lengthCode === 127 ? 8 : lengthCode === 126 ? 2 : 0;
    const maskBytes = (second & 0x80) === 0 ? 0 : 4;
    if (this.#headerBytes >= 2 && this.#headerBytes === 2 + lengthBytes + maskBytes) {
      this.#payloadLeft = lengthBytes === 0 ? BigInt(lengthCode) : this.#extendedLength(lengthBytes);
      this.#headerBytes = 0;
    }
    return at + 1;
  }

  #extendedLength(bytes: number): bigint {
    let length = 0n;
    for (let index = 0; index < bytes; index++) length = (length << 8n) | BigInt(this.#header[2 + index] ?? 0);
    return length;
  }
}
