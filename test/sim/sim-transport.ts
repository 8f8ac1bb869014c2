import type { DatagramListener, Transport } from '@grapevine/cluster-node/transport/transport.ts';
import type { Address } from '@grapevine/cluster-node/wire/messages.ts';

/** A process's socket on the simulated network. */
export class SimTransport implements Transport {
  readonly address: Address;
  readonly #send: (to: Address, bytes: Uint8Array) => void;
  #listener: DatagramListener | undefined;

  constructor(address: Address, send: (to: Address, bytes: Uint8Array) => void) {
    this.address = address;
    this.#send = send;
  }

  send(to: Address, bytes: Uint8Array): void {
    this.#send(to, bytes);
  }

  onDatagram(listener: DatagramListener): void {
    this.#listener = listener;
  }

  deliver(bytes: Uint8Array, from: Address): void {
    this.#listener?.(bytes, from);
  }

  close(): Promise<void> {
    this.#listener = undefined;
    return Promise.resolve();
  }
}
