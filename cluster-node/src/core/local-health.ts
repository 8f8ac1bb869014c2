/** Beyond this, a node that is too busy to notice answers would notice no failure either (Lifeguard uses 8). */
const worst = 8;

/**
 * How far a node can trust its own judgement of others, after Lifeguard (Dadgar, Phillips, Currey, 2018): a node that is
 * late with its own rounds, or hears that others suspect it, gives them more time before it suspects them.
 */
export class LocalHealth {
  #score = 0;

  /** 0 is well, 8 is worst. */
  get score(): number {
    return this.#score;
  }

  /** What a time that others have is multiplied with: 1 to 9. */
  get multiplier(): number {
    return 1 + this.#score;
  }

  /** A round began `lateMs` after it was due; a whole interval late is too late. */
  round(lateMs: number, intervalMs: number): void {
    if (lateMs > intervalMs) this.#score = Math.min(worst, this.#score + 1);
    else this.#score = Math.max(0, this.#score - 1);
  }

  /** Somebody suspected this node. */
  accused(): void {
    this.#score = Math.min(worst, this.#score + 1);
  }
}
