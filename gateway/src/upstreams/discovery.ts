import type { UpstreamConfig } from '@grapevine/shared/config/upstream-schema.ts';
import { forbiddenTarget } from '@grapevine/shared/http/forbidden-target.ts';
import { DnsRegistry } from '@grapevine/shared/registry/dns-registry.ts';
import { FileRegistry } from '@grapevine/shared/registry/file-registry.ts';
import type { PeerAddress } from '@grapevine/shared/registry/peer-address.ts';
import type { PeerRegistry } from '@grapevine/shared/registry/peer-registry.ts';
import type { Logger } from 'pino';
import { type Lease, Leases } from '../leases.ts';

/** The instances of an upstream, as they are known now. */
export interface InstanceSource {
  /** Base addresses. */
  urls(): readonly string[];
  /** Calls back after every change until the returned function is called. */
  onChange(listener: () => void): () => void;
}

type Discovered = Exclude<UpstreamConfig, readonly string[]>;

/** Learns of the instances of upstreams. What is looked for in the same way is looked for once. */
export class Discovery {
  readonly #log: Logger;
  readonly #found = new Leases<Promise<FoundInstances>>((found) => {
    // What could not be opened has nothing to stop.
    found.then((one) => one.stop()).catch(() => {});
  });

  constructor(log: Logger) {
    this.#log = log;
  }

  /**
   * Where the instances of each upstream are, by its name; leases go to `leases`. All are asked for side by side, because names
   * that DNS is slow to answer must not add up to more than a reload has. Throws `CONFIG_INVALID` for a file that cannot be used.
   */
  async leaseAll(
    upstreams: Readonly<Record<string, UpstreamConfig>>,
    leases: DisposableStack,
  ): Promise<ReadonlyMap<string, InstanceSource>> {
    const asked = Object.entries(upstreams).map(async ([name, upstream]) => {
      const { value } = leases.use(await this.#lease(upstream));
      return [name, value] as const;
    });
    // Not before the last of them: a lease that came after a failure would be nobody's.
    await Promise.allSettled(asked);
    return new Map(await Promise.all(asked));
  }

  async #lease(upstream: UpstreamConfig): Promise<Lease<InstanceSource>> {
    if (Array.isArray(upstream)) return { value: fixedSource(upstream), [Symbol.dispose]: () => {} };
    const config = upstream as Discovered;
    const lease = this.#found.lease(JSON.stringify(config), () => find(config, this.#log));
    try {
      return { value: await lease.value, [Symbol.dispose]: () => lease[Symbol.dispose]() };
    } catch (error) {
      lease[Symbol.dispose]();
      throw error;
    }
  }
}

function fixedSource(urls: readonly string[]): InstanceSource {
  return { urls: () => urls, onChange: () => () => {} };
}

async function find(config: Discovered, log: Logger): Promise<FoundInstances> {
  const registry =
    config.kind === 'file' ? FileRegistry.open({ path: config.path, log }) : DnsRegistry.open({ ...config, log });
  return new FoundInstances(await registry, config.scheme, log);
}

/** Instances that a registry names. A list with an address to which nothing may be sent is a wrong one: the last good one stays. */
class FoundInstances implements InstanceSource {
  readonly #registry: PeerRegistry;
  readonly #scheme: string;
  readonly #log: Logger;
  readonly #listeners = new Set<() => void>();
  #urls: readonly string[] = [];

  constructor(registry: PeerRegistry, scheme: string, log: Logger) {
    this.#registry = registry;
    this.#scheme = scheme;
    this.#log = log;
    this.#take(registry.peers());
    registry.onChange((peers) => this.#take(peers));
  }

  urls(): readonly string[] {
    return this.#urls;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  stop(): Promise<void> {
    this.#listeners.clear();
    return this.#registry.stop();
  }

  #take(peers: readonly PeerAddress[]): void {
    const reason = peers.map(({ host }) => forbiddenTarget(host)).find((one) => one !== undefined);
    if (reason !== undefined) {
      this.#log.error({ reason }, 'cannot use the instances that were found; those known before stay in force');
      return;
    }
    this.#urls = peers.map((peer) => urlOf(peer, this.#scheme));
    for (const listener of this.#listeners) listener();
  }
}

function urlOf({ host, port }: PeerAddress, scheme: string): string {
  return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
