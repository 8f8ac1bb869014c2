import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import { maxDatagramBytes } from '../wire/limits.ts';
import type { Address } from '../wire/messages.ts';
import type { DatagramListener, Transport } from './transport.ts';

/** As with UDP sockets, what a receiver does not get to in time is lost. */
const maxInFlight = 4_096;
const firstFreePort = 49_152;

/**
 * A network inside one process: what is sent arrives in order at the next turn of the event loop, and only datagrams to
 * nobody, over UDP's size or over `maxInFlight` are lost. (For loss, delay and partitions there is the simulator.)
 */
export class MemoryNetwork {
  readonly #ports = new Map<string, DatagramListener>();
  #nextPort = firstFreePort;
  #inFlight = 0;

  /** A transport at `address`; port 0 picks a free one. Throws `PORT_TAKEN` when somebody is there. */
  open(address: Address): Transport {
    const place: Address = { host: address.host, port: address.port === 0 ? this.#nextPort++ : address.port };
    const key = keyOf(place);
    if (this.#ports.has(key)) throw new GrapevineError('PORT_TAKEN', `Port ${place.port} on ${place.host} is in use.`);
    this.#ports.set(key, () => {});
    let open = true;
    return {
      address: place,
      send: (to, bytes) => {
        if (open) this.#send(place, to, bytes);
      },
      onDatagram: (listener) => {
        if (open) this.#ports.set(key, listener);
      },
      close: async () => {
        if (open) this.#ports.delete(key);
        open = false;
      },
    };
  }

  #send(from: Address, to: Address, bytes: Uint8Array): void {
    if (bytes.length > maxDatagramBytes || this.#inFlight === maxInFlight) return;
    this.#inFlight += 1;
    const copy = new Uint8Array(bytes);
    setImmediate(() => {
      this.#inFlight -= 1;
      this.#ports.get(keyOf(to))?.(copy, from);
    });
  }
}

function keyOf({ host, port }: Address): string {
  return `${host} ${port}`;
}
