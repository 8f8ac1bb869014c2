import { createSocket, type Socket } from 'node:dgram';
import { systemClock } from '@grapevine/shared/clock.ts';
import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import type { Address } from '../wire/messages.ts';
import { HostLookup, systemResolve } from './host-lookup.ts';
import type { DatagramListener, Transport } from './transport.ts';

export interface UdpOptions {
  /** For messages, such as `node-1 UDP`. */
  readonly name: string;
  /** IP address or host name to bind to; the address family follows from it (IPv4 for names). */
  readonly host: string;
  /** 0 picks a free port. */
  readonly port: number;
  /** What a user changes to get another port; shown when the port is taken. */
  readonly portFlag: string;
}

/** Counts since the socket was opened, for metrics. */
export interface UdpCounts {
  sentDatagrams: number;
  sentBytes: number;
  receivedDatagrams: number;
  receivedBytes: number;
  /** Not sent because too much was waiting already. */
  dropped: number;
  /** By the system's error code, such as `EMSGSIZE`, `ENETUNREACH`, `ECONNREFUSED` or `ENOTFOUND`. */
  errors: Record<string, number>;
}

/**
 * Bytes handed to the system and not yet taken by it. A full socket buffer drains in milliseconds or not at all, and what
 * gossip says is stale a second later, so a longer queue would only be late.
 */
const maxQueuedBytes = 4 * 1024 * 1024;

/**
 * What is asked for as the socket's buffers, in bytes. UDP loses what arrives while the receive buffer is full, without a
 * word; the answers of all peers to one round of pulls should fit. Linux grants at most `net.core.rmem_max`.
 */
const wantedBufferBytes = 8 * 1024 * 1024;

/** Binds a UDP socket. Throws `PORT_TAKEN` naming the port and the flag. */
export async function openUdpTransport(options: UdpOptions): Promise<UdpTransport> {
  const hosts = new HostLookup(systemResolve, systemClock);
  const socket = createSocket({
    type: options.host.includes(':') ? 'udp6' : 'udp4',
    // The declared type says options, but the socket passes the family alone.
    lookup: (host, family, callback) => hosts.lookup(host, Number(family), callback),
  });
  await bind(socket, options);
  enlargeBuffers(socket);
  return new UdpTransport(socket);
}

/** Datagrams over a bound socket. Errors of the network are counted and never thrown. */
export class UdpTransport implements Transport {
  readonly address: Address;
  readonly counts: UdpCounts = {
    sentDatagrams: 0,
    sentBytes: 0,
    receivedDatagrams: 0,
    receivedBytes: 0,
    dropped: 0,
    errors: {},
  };
  readonly #socket: Socket;
  #queuedBytes = 0;
  #closing: Promise<void> | undefined;
  #listener: DatagramListener = () => {};

  constructor(socket: Socket) {
    const { address, port } = socket.address();
    this.address = { host: address, port };
    this.#socket = socket;
    socket.on('message', (bytes, from) => this.#receive(bytes, { host: from.address, port: from.port }));
    socket.on('error', (error: NodeJS.ErrnoException) => this.#countError(error.code));
  }

  send(to: Address, bytes: Uint8Array): void {
    if (this.#closing !== undefined) return;
    // A datagram may claim to come from port 0, and the socket throws when the answer goes there.
    if (!Number.isInteger(to.port) || to.port < 1 || to.port > 65_535) {
      this.#countError('ERR_SOCKET_BAD_PORT');
      return;
    }
    if (this.#queuedBytes + bytes.length > maxQueuedBytes) {
      this.counts.dropped += 1;
      return;
    }
    this.#queuedBytes += bytes.length;
    this.#socket.send(bytes, to.port, to.host, (error: NodeJS.ErrnoException | null) =>
      this.#sent(bytes.length, error),
    );
  }

  onDatagram(listener: DatagramListener): void {
    this.#listener = listener;
  }

  close(): Promise<void> {
    this.#closing ??= new Promise((resolve) => this.#socket.close(resolve));
    return this.#closing;
  }

  #receive(bytes: Uint8Array, from: Address): void {
    this.counts.receivedDatagrams += 1;
    this.counts.receivedBytes += bytes.length;
    // Not the Buffer itself, whose `slice` would be a view where a Uint8Array's is a copy.
    this.#listener(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length), from);
  }

  #sent(length: number, error: NodeJS.ErrnoException | null): void {
    this.#queuedBytes -= length;
    if (error !== null) {
      this.#countError(error.code);
      return;
    }
    this.counts.sentDatagrams += 1;
    this.counts.sentBytes += length;
  }

  #countError(code = 'UNKNOWN'): void {
    this.counts.errors[code] = (this.counts.errors[code] ?? 0) + 1;
  }
}

async function bind(socket: Socket, options: UdpOptions): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  socket.once('error', reject);
  socket.bind({ address: options.host, port: options.port, exclusive: true }, resolve);
  try {
    await promise;
  } catch (error) {
    socket.close();
    throw explain(error, options);
  }
  socket.off('error', reject);
}

function explain(error: unknown, { name, host, port, portFlag }: UdpOptions): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code !== 'EADDRINUSE' && code !== 'EACCES') return error;
  const why = code === 'EACCES' ? 'may not be opened by this user' : 'is already in use';
  return new GrapevineError(
    'PORT_TAKEN',
    `UDP port ${port} on ${host} (${name}) ${why}; choose another with ${portFlag}.`,
    { cause: error },
  );
}

/** Takes what the system grants; some refuse instead of granting less, so smaller sizes follow. */
function enlargeBuffers(socket: Socket): void {
  for (let bytes = wantedBufferBytes; bytes > socket.getRecvBufferSize(); bytes /= 2) {
    try {
      socket.setRecvBufferSize(bytes);
      socket.setSendBufferSize(bytes);
      return;
    } catch {
      // Half as much is tried next.
    }
  }
}
