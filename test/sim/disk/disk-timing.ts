import type { Random } from '@grapevine/shared/random.ts';
import type { NodeLoop } from '../node-loop.ts';
import type { DiskSchedule } from './node-disk.ts';

/** What a disk needs of the world around it. */
export interface DiskSurroundings {
  readonly settings: { readonly writeMs: readonly [least: number, most: number] };
  nowMs(): number;
  schedule(delayMs: number, run: () => void): void;
  /** Promises were made that have to be kept before time goes on. */
  unsettle(): void;
}

/** How long a node's disk takes for a write, and whether it fails. */
export class DiskTiming implements DiskSchedule {
  /** How long a write takes, in milliseconds. */
  writeMs: readonly [least: number, most: number];
  /** While set, writes fail. */
  trouble: Error | undefined;
  readonly flushed: () => void;
  readonly #world: DiskSurroundings;
  readonly #loop: NodeLoop;
  readonly #random: Random;
  #process = 0;
  #freeAtMs = 0;

  constructor(world: DiskSurroundings, loop: NodeLoop, random: Random, flushed: () => void) {
    this.writeMs = world.settings.writeMs;
    this.flushed = flushed;
    this.#world = world;
    this.#loop = loop;
    this.#random = random;
  }

  /** The process ended that wrote until now: nobody hears any more what became of its writes. */
  restart(): void {
    this.#process++;
    this.#freeAtMs = this.#world.nowMs();
  }

  failure(): Error | undefined {
    return this.trouble;
  }

  /**
   * One disk does one thing after the other, so that writes end in the order in which they began. That one has ended the
   * process hears when its turn comes.
   */
  afterWrite(run: () => void): void {
    const process = this.#process;
    const nowMs = this.#world.nowMs();
    const [least, most] = this.writeMs;
    this.#freeAtMs = Math.max(this.#freeAtMs, nowMs) + least + (most - least) * this.#random.float();
    this.#world.schedule(this.#freeAtMs - nowMs, () => {
      if (process !== this.#process) return;
      this.#loop.run(() => {
        this.#world.unsettle();
        run();
      });
    });
  }
}
