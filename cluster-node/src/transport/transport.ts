import type { Address } from '../wire/messages.ts';

/** Called for each datagram that arrives. `bytes` is memory of its own: nobody writes to it later. */
export type DatagramListener = (bytes: Uint8Array, from: Address) => void;

/**
 * A place that datagrams are sent from and arrive at. Like UDP it promises nothing: they may be lost, doubled or reordered,
 * and nobody hears of it. They are not altered or cut, and come only from who holds `from`.
 */
export interface Transport {
  /** Where others reach it. */
  readonly address: Address;
  /** Never throws, never waits: what cannot be sent is dropped and counted. Nobody may write to `bytes` after the call. */
  send(to: Address, bytes: Uint8Array): void;
  /** Replaces the listener before it. What arrives while there is none is lost. */
  onDatagram(listener: DatagramListener): void;
  /** Nothing arrives after this was called; sends after it do nothing. */
  close(): Promise<void>;
}
