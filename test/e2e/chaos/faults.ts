import { rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { Random } from '@grapevine/shared/random.ts';
import type { NodeFamily, NodeProcess } from '../node-process.ts';
import { fairWeather, type ProxyNetwork, storm, type Weather } from './proxy-network.ts';

/** Between storms: a network that one would complain about, but not more. */
const drizzle: Weather = { loss: 0.02, duplication: 0.01, delayMs: [0, 3] };

/** Shortest and longest times, in milliseconds. */
const calm = [200, 800] as const;
const trouble = [500, 3_000] as const;
const downTime = [0, 700] as const;

export interface FaultOptions {
  readonly family: NodeFamily;
  /** By number; index 0 is empty. */
  readonly nodes: (NodeProcess | undefined)[];
  readonly network: ProxyNetwork;
  readonly random: Random;
  /** Hears what is done, in order. */
  readonly note: (what: string) => void;
}

/** Breaks nodes, one at a time, and the network, both at once, as `random` decides. Whatever it breaks it mends. */
export class Faults {
  readonly counts = { kills: 0, pauses: 0, splits: 0, storms: 0, lostFolders: 0 };
  readonly #options: FaultOptions;
  readonly #numbers: readonly number[];

  constructor(options: FaultOptions) {
    this.#options = options;
    this.#numbers = options.nodes.flatMap((node, number) => (node === undefined ? [] : [number]));
  }

  /** Breaks things until `signal` aborts, and ends when all is mended. One node loses its data folder on the way. */
  async run(signal: AbortSignal): Promise<void> {
    this.#options.network.weather = drizzle;
    try {
      await Promise.all([this.#breakNodes(signal), this.#breakNetwork(signal)]);
    } finally {
      this.#options.network.weather = fairWeather;
      this.#options.network.heal();
    }
  }

  async #breakNodes(signal: AbortSignal): Promise<void> {
    // Only one, and not before there is something to lose: two lost disks may take all copies of a message with them.
    const losesFolderAt = 1 + this.#options.random.below(3);
    for (let turn = 0; !signal.aborted || turn <= losesFolderAt; turn++) {
      await this.#pause(calm);
      const number = this.#pick();
      if (turn === losesFolderAt) await this.#loseFolder(number);
      else if (this.#options.random.below(2) === 0) await this.#kill(number);
      else await this.#stop(number);
    }
  }

  async #breakNetwork(signal: AbortSignal): Promise<void> {
    const { network, note } = this.#options;
    while (!signal.aborted) {
      await this.#pause(calm);
      if (this.#options.random.below(3) === 0) {
        this.counts.storms++;
        note('storm');
        network.weather = storm;
        await this.#pause(trouble);
        network.weather = drizzle;
      } else {
        const side = this.#numbers.filter(() => this.#options.random.below(5) < 2);
        if (side.length === 0 || side.length === this.#numbers.length) continue;
        this.counts.splits++;
        note(`split off ${side.join(', ')}`);
        network.split(side);
        await this.#pause(trouble);
        network.heal();
      }
      note('network mended');
    }
  }

  async #kill(number: number): Promise<void> {
    this.counts.kills++;
    this.#options.note(`kill node-${number}`);
    await this.#node(number).end('SIGKILL');
    await this.#pause(downTime);
    await this.#start(number);
  }

  async #stop(number: number): Promise<void> {
    this.counts.pauses++;
    this.#options.note(`stop node-${number}`);
    this.#node(number).pause();
    await this.#pause(trouble);
    this.#node(number).resume();
    this.#options.note(`node-${number} goes on`);
  }

  async #loseFolder(number: number): Promise<void> {
    this.counts.lostFolders++;
    this.#options.note(`node-${number} loses its data folder`);
    await this.#node(number).end('SIGKILL');
    await rm(this.#options.family.folder(number), { recursive: true });
    await this.#start(number);
  }

  async #start(number: number): Promise<void> {
    this.#options.nodes[number] = await this.#options.family.start(number);
    this.#options.note(`node-${number} is ready`);
  }

  #node(number: number): NodeProcess {
    const node = this.#options.nodes[number];
    if (node === undefined) throw new Error(`There is no node-${number}.`);
    return node;
  }

  #pick(): number {
    return this.#numbers[this.#options.random.below(this.#numbers.length)] ?? 1;
  }

  #pause([least, most]: readonly [number, number]): Promise<void> {
    return delay(least + (most - least) * this.#options.random.float());
  }
}
