import { Opened, OpenList } from '../open-list.ts';

/** How exactly time is kept: an attempt is given up at most two ticks later than it could be. */
const tickMs = 100;

/** Something that must move now and then. */
export abstract class Watched extends Opened {
  /** `SilenceWatch.tick` when it last moved. */
  movedAt = 0;
  /** Ticks without a move after which it is given up. */
  abstract readonly patience: number;
  /** It has not moved for too long. */
  abstract silent(): void;
}

/**
 * Finds what has stood still for too long. One timer for all, which runs while there is something to watch: setting and
 * clearing a timer for each attempt, and again whenever bytes move, cost more than looking at all of them now and then.
 */
export class SilenceWatch {
  readonly #watched = new OpenList<Watched>();
  #timer: NodeJS.Timeout | undefined;
  #tick = 0;

  /** The time, in ticks. */
  get tick(): number {
    return this.#tick;
  }

  /** Ticks that make up at least `ms`; one more, because the first may be nearly over. */
  static patience(ms: number): number {
    return Math.ceil(ms / tickMs) + 1;
  }

  add(watched: Watched): void {
    watched.movedAt = this.#tick;
    this.#watched.add(watched);
    this.#timer ??= setInterval(() => this.#look(), tickMs);
  }

  delete(watched: Watched): void {
    this.#watched.delete(watched);
  }

  #look(): void {
    this.#tick++;
    for (const watched of this.#watched) {
      if (this.#tick - watched.movedAt >= watched.patience) watched.silent();
    }
    if (this.#watched.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
