import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Random } from '@grapevine/shared/random.ts';

/** How datagrams are treated on their way. Shares are from 0 to 1; a wide range of delays reorders. */
export interface Weather {
  readonly loss: number;
  readonly duplication: number;
  readonly delayMs: readonly [least: number, most: number];
}

export const fairWeather: Weather = { loss: 0, duplication: 0, delayMs: [0, 0] };
export const storm: Weather = { loss: 0.3, duplication: 0.05, delayMs: [0, 60] };

/** Datagrams on their way at once; what comes on top is lost, as in a router. */
const maxUnderWay = 20_000;
/** What is asked for as receive buffers: a proxy that loses more than it is told to would tell nothing. */
const bufferBytes = 4 * 1024 * 1024;

export interface ProxyOptions {
  readonly nodes: number;
  /** Ports of node `number`, from 1, on 127.0.0.1. */
  readonly udpPort: (number: number) => number;
  readonly httpPort: (number: number) => number;
  /** The host by which node `number` is known to the others; one of its own, `hostOf` of the class, when absent. */
  readonly hostOf?: (number: number) => string;
  readonly random: Random;
}

/**
 * Stands between nodes: each is known to the others by an address of its own, where the datagrams and connections for it pass
 * through here to be lost, delayed, reordered, doubled or cut off. (127.0.0.0/8 is all loopback on Linux.)
 */
export class ProxyNetwork implements AsyncDisposable {
  readonly counts = { passed: 0, lost: 0, doubled: 0, cutOff: 0 };
  weather: Weather = fairWeather;
  readonly #options: ProxyOptions;
  readonly #senders: ReadonlyMap<number, number>;
  readonly #entries: Entry[] = [];
  /** Side that each node is on; all are on one side when empty. */
  #sides: ReadonlyMap<number, number> = new Map();
  #underWay = 0;

  private constructor(options: ProxyOptions) {
    this.#options = options;
    this.#senders = new Map(numbersTo(options.nodes).map((number) => [options.udpPort(number), number]));
  }

  static async open(options: ProxyOptions): Promise<ProxyNetwork> {
    const network = new ProxyNetwork(options);
    for (const number of numbersTo(options.nodes)) await network.#openEntry(number);
    return network;
  }

  /** An address for each node, by which it is known to the others. */
  static hostOf(number: number): string {
    return `127.0.1.${number}`;
  }

  /** Cuts the nodes of `side` off from the others; streams over HTTP to them break. */
  split(side: readonly number[]): void {
    this.#sides = new Map(side.map((number) => [number, 1]));
    for (const entry of this.#entries) if (this.#sideOf(entry.number) === 1) entry.hangUp();
  }

  heal(): void {
    this.#sides = new Map();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#entries.map((entry) => entry.close()));
  }

  async #openEntry(number: number): Promise<void> {
    const { udpPort, httpPort, hostOf = ProxyNetwork.hostOf } = this.#options;
    const socket = createSocket('udp4');
    socket.on('message', (datagram, from) => this.#carry(this.#senders.get(from.port), number, socket, datagram));
    // The node behind it may be down.
    socket.on('error', () => {});
    socket.bind(udpPort(number), hostOf(number));
    await once(socket, 'listening');
    socket.setRecvBufferSize(bufferBytes);
    const server = createServer((client) => this.#connect(entry, client));
    const entry = new Entry(number, socket, server);
    this.#entries.push(entry);
    server.listen(httpPort(number), hostOf(number));
    await once(server, 'listening');
  }

  #carry(from: number | undefined, to: number, socket: UdpSocket, datagram: Uint8Array): void {
    const { random, udpPort } = this.#options;
    if (from === undefined || this.#sideOf(from) !== this.#sideOf(to)) {
      this.counts.cutOff++;
      return;
    }
    const { loss, duplication, delayMs } = this.weather;
    const copies = random.float() < duplication ? 2 : 1;
    this.counts.doubled += copies - 1;
    for (let copy = 0; copy < copies; copy++) {
      if (random.float() < loss || this.#underWay === maxUnderWay) {
        this.counts.lost++;
        continue;
      }
      this.counts.passed++;
      this.#underWay++;
      const [least, most] = delayMs;
      setTimeout(
        () => {
          this.#underWay--;
          socket.send(datagram, udpPort(to), '127.0.0.1', () => {});
        },
        least + (most - least) * random.float(),
      );
    }
  }

  #connect(entry: Entry, client: Socket): void {
    if (this.#sideOf(entry.number) === 1) {
      client.destroy();
      return;
    }
    const server = connect(this.#options.httpPort(entry.number), '127.0.0.1');
    entry.join(client, server);
  }

  #sideOf(number: number): number {
    return this.#sides.get(number) ?? 0;
  }
}

/** Where one node is reached. */
class Entry {
  readonly number: number;
  readonly #socket: UdpSocket;
  readonly #server: Server;
  readonly #connections = new Set<Socket>();

  constructor(number: number, socket: UdpSocket, server: Server) {
    this.number = number;
    this.#socket = socket;
    this.#server = server;
  }

  join(client: Socket, server: Socket): void {
    client.pipe(server).pipe(client);
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#connections.add(one);
      one.on('error', () => other.destroy());
      one.once('close', () => {
        this.#connections.delete(one);
        other.destroy();
      });
    }
  }

  hangUp(): void {
    for (const connection of this.#connections) connection.destroy();
  }

  async close(): Promise<void> {
    this.hangUp();
    this.#socket.close();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

function numbersTo(last: number): number[] {
  return Array.from({ length: last }, (_, i) => i + 1);
}
