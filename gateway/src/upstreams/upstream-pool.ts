import { EventEmitter } from 'node:events';
import type { Random } from '@grapevine/shared/random.ts';
import { SilenceWatch } from './silence-watch.ts';
import {
  breakerOpen,
  breakerSlices,
  type InstanceOptions,
  type InstanceStatus,
  UpstreamInstance,
} from './upstream-instance.ts';

export interface UpstreamStatus {
  readonly name: string;
  readonly instances: readonly InstanceStatus[];
}

/** All instances of all upstreams, and the choice among them. */
export class UpstreamPool {
  readonly #instances: ReadonlyMap<string, readonly UpstreamInstance[]>;
  readonly #random: Random;
  readonly #resetMs: number;
  readonly #timer: NodeJS.Timeout;

  constructor(urls: Readonly<Record<string, readonly string[]>>, options: InstanceOptions, random: Random) {
    // One timer moves the windows of all breakers; each would otherwise run its own.
    const rotator = new EventEmitter();
    rotator.setMaxListeners(0);
    this.#timer = setInterval(() => rotator.emit('rotate'), options.breaker.windowMs / breakerSlices);
    this.#timer.unref();
    this.#random = random;
    this.#resetMs = options.breaker.resetMs;
    const watch = new SilenceWatch();
    const make = (url: string): UpstreamInstance => new UpstreamInstance(url, options, rotator, watch);
    this.#instances = new Map(Object.entries(urls).map(([name, own]) => [name, own.map(make)]));
  }

  /**
   * The instance for the next request: of two random ones whose breakers let requests through, the one with fewer in
   * flight ("the power of two choices"). Throws `UNAVAILABLE` while all breakers are open.
   */
  pick(name: string): UpstreamInstance {
    const usable = (this.#instances.get(name) ?? []).filter((instance) => instance.takesRequests);
    const [first, second] = [this.#any(usable), this.#any(usable)];
    if (first === undefined || second === undefined) throw breakerOpen(this.#resetMs);
    return second.inFlight < first.inFlight ? second : first;
  }

  status(): readonly UpstreamStatus[] {
    return [...this.#instances].map(([name, instances]) => ({
      name,
      instances: instances.map((instance) => instance.status()),
    }));
  }

  close(): void {
    clearInterval(this.#timer);
    for (const instance of [...this.#instances.values()].flat()) instance.close();
  }

  #any(instances: readonly UpstreamInstance[]): UpstreamInstance | undefined {
    return instances[instances.length === 1 ? 0 : this.#random.below(instances.length)];
  }
}
