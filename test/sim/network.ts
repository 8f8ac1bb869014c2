import type { Random } from '@grapevine/shared/random.ts';

/** How the network treats datagrams; shares are from 0 to 1, times are milliseconds. */
export interface NetworkWeather {
  readonly loss: number;
  readonly duplication: number;
  /** Shortest and longest delay. A wide range reorders. */
  readonly delay: readonly [least: number, most: number];
}

export const fairWeather: NetworkWeather = { loss: 0, duplication: 0, delay: [0.2, 1] };

export interface NetworkCounts {
  sent: number;
  lost: number;
  cutOff: number;
  duplicated: number;
  delivered: number;
  bytes: number;
}

/** A network of datagrams between numbered nodes: loses, delays, reorders, doubles and cuts off, all by one seed. */
export class Network {
  readonly counts: NetworkCounts = { sent: 0, lost: 0, cutOff: 0, duplicated: 0, delivered: 0, bytes: 0 };
  weather: NetworkWeather = fairWeather;
  readonly #random: Random;
  readonly #schedule: (delayMs: number, run: () => void) => void;
  /** Side of the partition that each node is on; all on one side when empty. */
  #sides: readonly number[] = [];

  constructor(random: Random, schedule: (delayMs: number, run: () => void) => void) {
    this.#random = random;
    this.#schedule = schedule;
  }

  get partitioned(): boolean {
    return this.#sides.length > 0;
  }

  partition(sides: readonly number[]): void {
    this.#sides = sides;
  }

  heal(): void {
    this.#sides = [];
  }

  /** Whether no partition stands between two nodes. */
  connects(a: number, b: number): boolean {
    return this.#sides[a] === this.#sides[b];
  }

  send(from: number, to: number, bytes: Uint8Array, deliver: (bytes: Uint8Array) => void): void {
    const { loss, duplication, delay } = this.weather;
    this.counts.sent++;
    this.counts.bytes += bytes.length;
    if (!this.connects(from, to)) {
      this.counts.cutOff++;
      return;
    }
    const copies = this.#random.float() < duplication ? 2 : 1;
    this.counts.duplicated += copies - 1;
    for (let copy = 0; copy < copies; copy++) {
      if (this.#random.float() < loss) {
        this.counts.lost++;
        continue;
      }
      const [least, most] = delay;
      this.#schedule(least + (most - least) * this.#random.float(), () => {
        this.counts.delivered++;
        deliver(bytes);
      });
    }
  }
}
