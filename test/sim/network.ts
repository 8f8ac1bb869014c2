import type { Random } from '@grapevine/shared/random.ts';

/** How the network treats datagrams; shares are from 0 to 1, times are milliseconds. */
export interface NetworkWeather {
  readonly loss: number;
  readonly duplication: number;
  /** Shortest and longest delay. A wide range reorders. */
  readonly delay: readonly [least: number, most: number];
}

export const fairWeather: NetworkWeather = { loss: 0, duplication: 0, delay: [0.2, 1] };

/** Datagrams of one direction that are lost more often than others. */
export interface LossyLinks {
  readonly from: ReadonlySet<number>;
  readonly to: ReadonlySet<number>;
  /** 1 cuts them off. */
  readonly loss: number;
}

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
  readonly #lossy = new Set<LossyLinks>();

  constructor(random: Random, schedule: (delayMs: number, run: () => void) => void) {
    this.#random = random;
    this.#schedule = schedule;
  }

  /** Whether some direction between some nodes is cut off. */
  get partitioned(): boolean {
    return [...this.#lossy].some(({ loss }) => loss === 1);
  }

  /** Makes links worse until the returned function is called, or `heal`. */
  worsen(links: LossyLinks): () => void {
    this.#lossy.add(links);
    return () => this.#lossy.delete(links);
  }

  /** No link is worse than others any more, and the weather is fair. */
  heal(): void {
    this.#lossy.clear();
    this.weather = fairWeather;
  }

  /** Whether a datagram may get from one node to the other. */
  connects(from: number, to: number): boolean {
    return this.#lossOn(from, to) < 1;
  }

  send(from: number, to: number, bytes: Uint8Array, deliver: (bytes: Uint8Array) => void): void {
    const { duplication, delay } = this.weather;
    this.counts.sent++;
    this.counts.bytes += bytes.length;
    const loss = this.#lossOn(from, to);
    if (loss === 1) {
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

  #lossOn(from: number, to: number): number {
    let loss = this.weather.loss;
    for (const links of this.#lossy) {
      if (links.from.has(from) && links.to.has(to)) loss = Math.max(loss, links.loss);
    }
    return loss;
  }
}
