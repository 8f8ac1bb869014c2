import { createHash } from 'node:crypto';

/** A running hash over everything that happens in a simulation: the same seed must give the same hash. */
export class Trace {
  readonly #hash = createHash('sha256');
  #events = 0;

  get events(): number {
    return this.#events;
  }

  note(...fields: readonly (string | number | boolean)[]): void {
    this.#events++;
    this.#hash.update(`${fields.join(' ')}\n`);
  }

  /** The hash so far, in hex. */
  digest(): string {
    return this.#hash.copy().digest('hex');
  }
}
