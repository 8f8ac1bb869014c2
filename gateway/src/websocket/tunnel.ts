import type { Duplex } from 'node:stream';
import { endGently } from '../linger.ts';
import { FrameBoundary } from './frame-boundary.ts';

/** A whole close frame with status 1001, "going away" (RFC 6455 sections 5.5.1 and 7.4.1). */
const goingAway = Uint8Array.of(0x88, 2, 0x03, 0xe9);

/** Two connections joined into one: what comes from one side goes to the other, as fast as that takes it, until either ends. */
export class Tunnel {
  readonly #client: Duplex;
  readonly #upstream: Duplex;
  readonly #toClient = new FrameBoundary();
  #leaving = false;

  constructor(client: Duplex, upstream: Duplex) {
    this.#client = client;
    this.#upstream = upstream;
    client.pipe(upstream, { end: false });
    upstream.on('data', (chunk: Buffer) => this.#pass(chunk));
    // A WebSocket is never open in one direction only: an end that the other side does not answer would stay for ever.
    client.once('end', () => endGently(upstream));
    upstream.once('end', () => endGently(client));
    client.on('drain', () => upstream.resume());
    client.once('close', () => upstream.destroy());
    upstream.once('close', () => client.destroy());
    client.on('error', () => upstream.destroy());
    upstream.on('error', () => client.destroy());
    client.resume();
  }

  /** Tells the client that this server goes away, as soon as the frame that is on its way has ended. */
  leave(): void {
    this.#leaving = true;
    if (this.#toClient.reached) this.#sayGoodbye();
  }

  #pass(chunk: Buffer): void {
    const length = this.#toClient.read(chunk, this.#leaving);
    if (!this.#client.write(length === chunk.length ? chunk : chunk.subarray(0, length))) this.#upstream.pause();
    if (this.#leaving && this.#toClient.reached) this.#sayGoodbye();
  }

  #sayGoodbye(): void {
    this.#upstream.removeAllListeners('data');
    this.#upstream.resume();
    this.#client.unpipe(this.#upstream);
    endGently(this.#client, goingAway);
  }
}
