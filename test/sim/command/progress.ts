/** Where progress goes: a terminal, or a file or pipe that keeps every line. */
export interface ProgressStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** Between two lines where they are kept, in milliseconds: a sweep of minutes leaves a page, not a book. */
const plainGapMs = 10_000;
/** Between two paintings of a terminal's line, in milliseconds. */
const terminalGapMs = 100;

/** One line about how far something has come: painted over on a terminal, now and then a plain line elsewhere. */
export class ProgressLine {
  readonly #stream: ProgressStream;
  readonly #now: () => number;
  readonly #gapMs: number;
  #shownMs: number;

  /** `now` in milliseconds. */
  constructor(stream: ProgressStream, now: () => number) {
    this.#stream = stream;
    this.#now = now;
    this.#gapMs = stream.isTTY === true ? terminalGapMs : plainGapMs;
    this.#shownMs = now();
  }

  show(text: string): void {
    if (this.#now() - this.#shownMs < this.#gapMs) return;
    this.#shownMs = this.#now();
    if (this.#stream.isTTY === true) this.#stream.write(`\r\x1b[K${text.slice(0, (this.#stream.columns ?? 80) - 1)}`);
    else this.#stream.write(`${text}\n`);
  }

  /** Leaves nothing of the line behind. */
  clear(): void {
    if (this.#stream.isTTY === true) this.#stream.write('\r\x1b[K');
  }
}
