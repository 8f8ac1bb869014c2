import { write } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { DestinationStream } from 'pino';

/** Lines wait until there are so many characters of them: a write for every line costs more than all else about it. */
const batchLength = 128 * 1024;
/** … or for so long. What a killed process wrote last is lost; one that ends in any other way writes it first. */
const batchMs = 100;
/** Lines that nobody reads wait in memory up to here; then they are dropped, and a line says how many. */
const maxWaitingLength = 8 * 1024 * 1024;
/** A full pipe is tried again after so long. */
const fullMs = 50;
/** Longest that an ending process waits for a full pipe: whoever should read it may be stuck, or gone. */
const endMs = 500;
/** How often it looks meanwhile. */
const endCheckMs = 2;

/**
 * Log lines on their way to a file descriptor, in batches and beside the event loop. A reader that is slow costs memory up to
 * a bound and then lines; one that is gone costs everything that is written after, and never the process: pino's own
 * buffered output waits at the end of a process, for ever, for a pipe whose reader is gone.
 */
export class LogOutput implements DestinationStream {
  readonly #fd: number;
  #waiting = '';
  /** What a write has not taken yet. */
  #batch: Buffer | undefined = undefined;
  #timer: NodeJS.Timeout | undefined = undefined;
  #dropped = 0;
  #broken = false;

  constructor(fd: number) {
    this.#fd = fd;
  }

  write(line: string): void {
    if (this.#broken) return;
    if (this.#waiting.length + line.length > maxWaitingLength) {
      this.#dropped++;
      return;
    }
    this.#waiting += line;
    if (this.#waiting.length >= batchLength) this.#flush();
    else this.#flushIn(batchMs);
  }

  /** Resolves when everything is written, or nobody takes it within half a second. For the end of a process. */
  async end(): Promise<void> {
    const deadline = performance.now() + endMs;
    while (!this.#broken && (this.#batch !== undefined || this.#waiting !== '') && performance.now() < deadline) {
      this.#flush();
      await delay(endCheckMs);
    }
  }

  #flushIn(ms: number): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#flush();
    }, ms).unref();
  }

  #flush(): void {
    if (this.#batch !== undefined || this.#waiting === '') return;
    this.#batch = Buffer.from(this.#waiting + this.#droppedLine());
    this.#waiting = '';
    this.#writeBatch(this.#batch);
  }

  #writeBatch(batch: Buffer): void {
    write(this.#fd, batch, (error, written) => {
      if (error !== null && !isFull(error)) {
        this.#broken = true;
        this.#waiting = '';
        return;
      }
      const left = error === null ? batch.subarray(written) : batch;
      if (left.length === 0) {
        this.#batch = undefined;
        if (this.#waiting.length >= batchLength) this.#flush();
        else if (this.#waiting !== '') this.#flushIn(batchMs);
      } else if (error === null) {
        this.#writeBatch(left);
      } else {
        setTimeout(() => this.#writeBatch(left), fullMs).unref();
      }
    });
  }

  #droppedLine(): string {
    if (this.#dropped === 0) return '';
    const line = {
      level: 'warn',
      time: new Date().toISOString(),
      dropped: this.#dropped,
      msg: 'log lines were dropped',
    };
    this.#dropped = 0;
    return `${JSON.stringify(line)}\n`;
  }
}

/** A pipe that does not block and whose reader is behind. */
function isFull(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'EAGAIN';
}
