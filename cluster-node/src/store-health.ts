import { GrapevineError } from '@grapevine/shared/errors/grapevine-error.ts';
import type { Logger } from 'pino';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { StoreObserver } from './store/store-observer.ts';

/** From the fastest disks to one that hangs, in seconds. */
const buckets = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30];

/**
 * A disk that has not ended a write for so long, in milliseconds, takes none now. Far above what a busy one needs, and below
 * what a client waits for.
 */
const defaultStallMs = 10_000;

/** What is known of the node's disk, for readiness, for metrics and for the log. */
export class StoreHealth implements StoreObserver {
  /** Why the store refuses writes, if it does. */
  trouble: GrapevineError | undefined;
  readonly #log: Logger;
  readonly #stallMs: number;
  readonly #recovered = new Set<() => void>();
  /** When the writes under way began, oldest first. */
  readonly #begun: number[] = [];
  readonly #writes: Histogram;
  readonly #bytes: Counter;
  readonly #transfers: Histogram;
  readonly #failures: Counter;

  constructor(registry: Registry, log: Logger, stallMs = defaultStallMs) {
    this.#log = log;
    this.#stallMs = stallMs;
    const registers = [registry];
    this.#writes = new Histogram({
      name: 'grapevine_store_write_seconds',
      help: 'From a write to the store until it is on disk.',
      buckets,
      registers,
    });
    this.#bytes = new Counter({
      name: 'grapevine_store_written_bytes_total',
      help: 'Bytes written to the journal.',
      registers,
    });
    this.#transfers = new Histogram({
      name: 'grapevine_store_transfer_seconds',
      help: 'Time in which the database took over journalled writes.',
      buckets,
      registers,
    });
    this.#failures = new Counter({
      name: 'grapevine_store_failures_total',
      help: 'Times that the store began to refuse writes, by error code.',
      labelNames: ['code'],
      registers,
    });
    const gauge = (name: string, help: string, value: () => number): void => {
      new Gauge({
        name,
        help,
        registers,
        collect() {
          this.set(value());
        },
      });
    };
    const isWritable = (): number => (this.refusal === undefined ? 1 : 0);
    gauge('grapevine_store_writable', 'Whether the store takes writes: 1 or 0.', isWritable);
    gauge(
      'grapevine_store_oldest_write_seconds',
      'For how long the oldest unfinished write has waited.',
      () => this.#oldestWriteMs() / 1_000,
    );
  }

  /** Why no publish is taken: the store refuses writes, or its disk has not answered for long. */
  get refusal(): GrapevineError | undefined {
    if (this.trouble !== undefined) return this.trouble;
    const waitedMs = this.#oldestWriteMs();
    if (waitedMs < this.#stallMs) return undefined;
    const seconds = Math.floor(waitedMs / 1_000);
    return new GrapevineError('DISK_FAILED', `The disk has not ended a write for ${seconds} s.`, {
      retryAfterSeconds: 1,
    });
  }

  /** Calls back each time that the store takes writes again. */
  onRecovered(listener: () => void): void {
    this.#recovered.add(listener);
  }

  #oldestWriteMs(): number {
    const [oldest] = this.#begun;
    return oldest === undefined ? 0 : performance.now() - oldest;
  }

  begun(): void {
    this.#begun.push(performance.now());
  }

  ended(bytes: number | undefined): void {
    const began = this.#begun.shift();
    if (began === undefined || bytes === undefined) return;
    this.#writes.observe((performance.now() - began) / 1_000);
    this.#bytes.inc(bytes);
  }

  transferred(milliseconds: number): void {
    this.#transfers.observe(milliseconds / 1_000);
  }

  failed(trouble: GrapevineError): void {
    this.trouble = trouble;
    this.#failures.inc({ code: trouble.code });
    this.#log.error({ err: trouble }, 'the store refuses writes');
  }

  recovered(): void {
    this.trouble = undefined;
    this.#log.info('the store takes writes again');
    for (const listener of this.#recovered) listener();
  }
}
