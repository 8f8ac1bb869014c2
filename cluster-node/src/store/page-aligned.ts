/** What WebAssembly counts its memory in. */
const unitBytes = 65_536;

/**
 * Memory that starts at a page boundary, for I/O past the page cache. Buffers start where the allocator puts them;
 * WebAssembly's memory is mapped by pages.
 */
export class PageAlignedMemory {
  readonly #memory = new WebAssembly.Memory({ initial: 1 });

  /** The first `bytes` bytes; earlier views must not be used any more. */
  take(bytes: number): Buffer {
    const missing = bytes - this.#memory.buffer.byteLength;
    if (missing > 0) this.#memory.grow(Math.ceil(missing / unitBytes));
    return Buffer.from(this.#memory.buffer, 0, bytes);
  }
}
