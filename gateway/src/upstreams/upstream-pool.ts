import { EventEmitter } from 'node:events';
import type { Clock } from '@grapevine/shared/clock.ts';
import type { Random } from '@grapevine/shared/random.ts';
import { HealthCheck, type HealthCheckOptions } from './health-check.ts';
import { SilenceWatch } from './silence-watch.ts';
import { type RetryCounts, type RetryOptions, UpstreamGroup } from './upstream-group.ts';
import { breakerSlices, type InstanceOptions, type InstanceStatus, UpstreamInstance } from './upstream-instance.ts';

export interface PoolOptions extends InstanceOptions {
  readonly retry: RetryOptions;
  readonly healthCheck: HealthCheckOptions;
}

export interface UpstreamStatus {
  readonly name: string;
  readonly attempts: RetryCounts;
  readonly instances: readonly InstanceStatus[];
}

/** All upstreams by name. */
export class UpstreamPool {
  readonly #groups: ReadonlyMap<string, UpstreamGroup>;
  readonly #checks: readonly HealthCheck[];
  readonly #timer: NodeJS.Timeout;

  constructor(
    urls: Readonly<Record<string, readonly string[]>>,
    options: PoolOptions,
    ports: { readonly clock: Clock; readonly random: Random },
  ) {
    // One timer moves the windows of all breakers; each would otherwise run its own.
    const rotator = new EventEmitter();
    rotator.setMaxListeners(0);
    this.#timer = setInterval(() => rotator.emit('rotate'), options.breaker.windowMs / breakerSlices);
    this.#timer.unref();
    const instancePorts = { clock: ports.clock, rotator, watch: new SilenceWatch() };
    const make = (url: string): UpstreamInstance => new UpstreamInstance(url, options, instancePorts);
    this.#groups = new Map(
      Object.entries(urls).map(([name, own]) => [
        name,
        new UpstreamGroup(name, own.map(make), options.retry, options.breaker.resetMs, ports),
      ]),
    );
    const instances = [...this.#groups.values()].flatMap((group) => group.instances);
    this.#checks = instances.map((instance) => new HealthCheck(instance, options.healthCheck, ports.random));
  }

  /** The upstream of this name; the configuration has been checked for it. */
  group(name: string): UpstreamGroup {
    const group = this.#groups.get(name);
    if (group === undefined) throw new Error(`there is no upstream ${name}`);
    return group;
  }

  status(): readonly UpstreamStatus[] {
    return [...this.#groups.values()].map(({ name, counts, instances }) => ({
      name,
      attempts: counts,
      instances: instances.map((instance) => instance.status()),
    }));
  }

  close(): void {
    clearInterval(this.#timer);
    for (const check of this.#checks) check.stop();
    for (const { instances } of this.#groups.values()) for (const instance of instances) instance.close();
  }
}
