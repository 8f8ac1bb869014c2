/** What a node's event loop needs of the world. */
export interface LoopTime {
  readonly settings: { readonly receiveBufferBytes: number };
  nowMs(): number;
  schedule(delayMs: number, run: () => void): void;
}

/** One process's event loop: it does one thing after the other, may be slow, and may stand still for a while. */
export class NodeLoop {
  readonly #time: LoopTime;
  #life = 0;
  #busyUntilMs = 0;
  #bufferedBytes = 0;
  /** How long the process is busy with each event, in milliseconds. */
  eventMs = 0;
  /** Datagrams that found the receive buffer full. */
  overruns = 0;

  constructor(time: LoopTime) {
    this.#time = time;
  }

  /** Another process: what waited for the old one is gone. */
  restart(): void {
    this.#life++;
    this.#busyUntilMs = 0;
    this.#bufferedBytes = 0;
  }

  /** Nothing happens for so long. What comes meanwhile waits. */
  stall(forMs: number): void {
    this.#busyUntilMs = Math.max(this.#busyUntilMs, this.#time.nowMs() + forMs);
  }

  /** Runs now, or when what came before is done. */
  run(task: () => void): void {
    const life = this.#life;
    const attempt = (): void => {
      if (life !== this.#life) return;
      const nowMs = this.#time.nowMs();
      if (this.#busyUntilMs > nowMs) {
        this.#time.schedule(this.#busyUntilMs - nowMs, attempt);
      } else {
        this.#busyUntilMs = nowMs + this.eventMs;
        task();
      }
    };
    attempt();
  }

  /** As `run`, for a datagram: there is room for only so many that wait. */
  receive(bytes: number, task: () => void): void {
    if (this.#busyUntilMs <= this.#time.nowMs()) {
      this.run(task);
    } else if (this.#bufferedBytes + bytes > this.#time.settings.receiveBufferBytes) {
      this.overruns++;
    } else {
      this.#bufferedBytes += bytes;
      this.run(() => {
        this.#bufferedBytes -= bytes;
        task();
      });
    }
  }
}
