import type { Clock } from '@grapevine/shared/clock.ts';
import type { Random } from '@grapevine/shared/random.ts';
import type { InstanceSource } from './discovery.ts';
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
    sources: ReadonlyMap<string, InstanceSource>,
    options: PoolOptions,
    fleet: UpstreamFleet,
    ports: { readonly clock: Clock; readonly random: Random },
  ) {
    this.#groups = new Map(
      [...sources].map(([name, source]) => {
        const group = new UpstreamGroup(name, [], options.retry, options.breaker.resetMs, ports);
        this.#follow(source, group, options, fleet);
        return [name, group];
      }),
    );
  }

  /** Whoever joins is used from now on; whoever leaves gets no new requests, and ends with those that it has. */
  #follow(
    source: InstanceSource,
    group: UpstreamGroup,
    { retry: _retry, ...options }: PoolOptions,
    fleet: UpstreamFleet,
  ): void {
    let held = new DisposableStack();
    const take = (): void => {
      const before = held;
      held = new DisposableStack();
      group.instances = source.urls().map((url) => held.use(fleet.lease(group.name, url, options)).value);
      // After the new ones are held, so that who stays is never without a holder.
      before.dispose();
    };
    take();
    this.#leases.defer(() => held.dispose());
    this.#leases.defer(source.onChange(take));
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
