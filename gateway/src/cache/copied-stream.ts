import type { AnswerReader, AnswerStream } from '../upstreams/answer.ts';

/**
 * A body on its way to a client, of which a copy is kept as long as that is not too much. It can go on without the client,
 * for those who wait for the copy.
 */
export class CopiedStream implements AnswerStream, AnswerReader {
  readonly #source: AnswerStream;
  readonly #maxBytes: number;
  readonly #onCopy: (body: Buffer | undefined) => void;
  #reader: AnswerReader | undefined = undefined;
  #flows = false;
  #chunks: Buffer[] = [];
  #bytes = 0;
  #settled = false;

  /** `onCopy` hears once: the whole body, or nothing when it broke off or is longer than `maxBytes`. */
  constructor(source: AnswerStream, maxBytes: number, onCopy: (body: Buffer | undefined) => void) {
    this.#source = source;
    this.#maxBytes = maxBytes;
    this.#onCopy = onCopy;
  }

  flowTo(reader: AnswerReader): void {
    this.#reader = reader;
    this.#flows = true;
    this.#source.flowTo(this);
  }

  resume(): void {
    this.#source.resume();
  }

  cancel(): void {
    this.#settleWith(undefined);
    this.#source.cancel();
  }

  /** The client is gone; the rest is for the copy alone. */
  goOnAlone(): void {
    this.#reader = undefined;
    if (this.#flows) this.#source.resume();
    else this.#source.flowTo(this);
    this.#flows = true;
  }

  write(chunk: Buffer): boolean {
    if (!this.#settled) {
      this.#bytes += chunk.length;
      if (this.#bytes > this.#maxBytes) this.#settleWith(undefined);
      else this.#chunks.push(chunk);
    }
    return this.#reader?.write(chunk) ?? true;
  }

  end(): void {
    this.#settleWith(this.#settled ? undefined : Buffer.concat(this.#chunks));
    this.#reader?.end();
  }

  cut(): void {
    this.#settleWith(undefined);
    this.#reader?.cut();
  }

  #settleWith(body: Buffer | undefined): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#chunks = [];
    this.#onCopy(body);
  }
}
