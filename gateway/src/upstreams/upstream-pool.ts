import type { Clock } from '@grapevine/shared/clock.ts';
import type { Random } from '@grapevine/shared/random.ts';
import type { FleetOptions, UpstreamFleet } from './upstream-fleet.ts';
import { type RetryCounts, type RetryOptions, UpstreamGroup } from './upstream-group.ts';
import type { InstanceStatus } from './upstream-instance.ts';

export interface PoolOptions extends FleetOptions {
  readonly retry: RetryOptions;
}

export interface UpstreamStatus {
  readonly name: string;
  readonly attempts: RetryCounts;
  readonly instances: readonly InstanceStatus[];
}

/** The upstreams of one configuration by name. Disposed of, it gives its instances back. */
export class UpstreamPool implements Disposable {
  readonly #groups: ReadonlyMap<string, UpstreamGroup>;
  readonly #leases = new DisposableStack();

  constructor(
    urls: Readonly<Record<string, readonly string[]>>,
    { retry, ...options }: PoolOptions,
    fleet: UpstreamFleet,
    ports: { readonly clock: Clock; readonly random: Random },
  ) {
    this.#groups = new Map(
      Object.entries(urls).map(([name, own]) => {
        const instances = own.map((url) => this.#leases.use(fleet.lease(name, url, options)).value);
        return [name, new UpstreamGroup(name, instances, retry, options.breaker.resetMs, ports)];
      }),
    );
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

  [Symbol.dispose](): void {
    this.#leases.dispose();
  }
}
