import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { announcedBytes, isChunked, tooLarge } from '../limits/body-size.ts';
import { ClientGone } from './failures.ts';

/**
 * Longest body that is read before it is sent on: a slow client then holds no connection of an upstream, and the request can
 * be repeated. Longer ones flow through. With 4,096 requests in flight that is 256 MiB if all send such bodies.
 */
const wholeBodyBytes = 64 * 1024;

/** What a client sent along: nothing, all of it, or a stream that can be read once. */
export type RequestBody = Buffer | StreamedBody | undefined;

/**
 * The body of a request; a short one is waited for. Rejects with `ClientGone` when the client leaves in the middle. A
 * stream fails with `PAYLOAD_TOO_LARGE` once more than `maxBytes` have come.
 */
export function takeBody(request: IncomingMessage, maxBytes: number): RequestBody | Promise<RequestBody> {
  const announced = announcedBytes(request);
  if (announced === 0 && !isChunked(request)) return undefined;
  if (announced > wholeBodyBytes) return new StreamedBody(request, [], maxBytes);
  return new Promise((resolve, reject) => {
    const kept: Buffer[] = [];
    let bytes = 0;
    const onData = (chunk: Buffer): void => {
      kept.push(chunk);
      bytes += chunk.length;
      if (bytes <= Math.min(wholeBodyBytes, maxBytes)) return;
      leave();
      resolve(new StreamedBody(request, kept, maxBytes));
    };
    const onEnd = (): void => {
      leave();
      resolve(Buffer.concat(kept));
    };
    const onClose = (): void => {
      leave();
      reject(new ClientGone('the client went away inside its body'));
    };
    const leave = (): void => void request.off('data', onData).off('end', onEnd).off('close', onClose);
    request.on('data', onData).on('end', onEnd).on('close', onClose);
  });
}

/** A long body that flows through. Whoever reads it may destroy it: the client's connection is not touched by that. */
export class StreamedBody extends Readable {
  /** Called for each part that arrives from the client. */
  onProgress: () => void = () => {};
  readonly #request: IncomingMessage;
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(request: IncomingMessage, kept: readonly Buffer[], maxBytes: number) {
    super();
    this.#request = request;
    this.#maxBytes = maxBytes;
    // It can fail before anybody reads it.
    this.on('error', () => {});
    for (const chunk of kept) this.#take(chunk);
    request.on('data', this.#take);
    request.once('end', () => this.push(null));
    request.once('close', () => {
      if (!request.complete) this.destroy(new ClientGone('the client went away inside its body'));
    });
  }

  /** Whether the next part has to come from the client; otherwise the upstream has not taken what is here. */
  get waitsForClient(): boolean {
    return !this.#request.complete && !this.#request.isPaused();
  }

  override _read(): void {
    this.#request.resume();
  }

  /** What the client still sends is read and dropped; otherwise it might never get to reading the answer. */
  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#request.off('data', this.#take);
    this.#request.resume();
    done(error);
  }

  readonly #take = (chunk: Buffer): void => {
    this.#bytes += chunk.length;
    this.onProgress();
    if (this.#bytes > this.#maxBytes) this.destroy(tooLarge(this.#maxBytes));
    else if (!this.push(chunk)) this.#request.pause();
  };
}
