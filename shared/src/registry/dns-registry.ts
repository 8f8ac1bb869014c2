import { Resolver } from 'node:dns/promises';
import type { Logger } from 'pino';
import { checkedAddress, distinctPeers, type PeerAddress, samePeers } from './peer-address.ts';
import type { PeerRegistry, PeersListener } from './peer-registry.ts';

export interface DnsRegistryOptions {
  readonly name: string;
  /** Port at every address that `name` has. Without it the SRV records of `name` say where peers are (RFC 2782). */
  readonly port?: number | undefined;
  /** Kind of address that this process can send to: A records for 4, AAAA records for 6. */
  readonly family: 4 | 6;
  /** Milliseconds from one answer to the next question. */
  readonly intervalMs: number;
  /** `address:port` of servers to ask; those of the system when absent. */
  readonly servers?: readonly string[] | undefined;
  readonly log: Logger;
}

/** A server has so long to answer, in milliseconds, and is asked so often, before the question counts as failed. */
const patience = { timeout: 2_000, tries: 2 } as const;

/**
 * Peers that DNS names, asked for again at an interval. A failure, an empty answer or a wrong address changes nothing. A process
 * starts without peers when the first question fails: it may itself be what the name waits for.
 */
export class DnsRegistry implements PeerRegistry {
  readonly name = 'DNS registry';
  readonly #options: DnsRegistryOptions;
  readonly #resolver = new Resolver(patience);
  readonly #listeners = new Set<PeersListener>();
  #peers: readonly PeerAddress[] = [];
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  /** Said once, not at every interval. */
  #lastProblem: string | undefined;

  private constructor(options: DnsRegistryOptions) {
    this.#options = options;
    if (options.servers !== undefined) this.#resolver.setServers(options.servers);
  }

  /** Asks once, and goes on asking. */
  static async open(options: DnsRegistryOptions): Promise<DnsRegistry> {
    const registry = new DnsRegistry(options);
    await registry.#ask();
    return registry;
  }

  peers(): readonly PeerAddress[] {
    return this.#peers;
  }

  onChange(listener: PeersListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#listeners.clear();
    this.#resolver.cancel();
  }

  async #ask(): Promise<void> {
    const { name, intervalMs, log } = this.#options;
    try {
      this.#take(await this.#resolve());
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (!this.#stopped && reason !== this.#lastProblem)
        log.error({ asked: name, reason }, 'DNS gave no usable peers');
      this.#lastProblem = reason;
    }
    if (!this.#stopped) this.#timer = setTimeout(() => void this.#ask(), intervalMs);
  }

  /** Sorted, because servers give their records in another order each time. Throws when there are none, or a wrong one. */
  async #resolve(): Promise<readonly PeerAddress[]> {
    const found = await this.#records();
    const peers = found.map(({ host, port }) => checkedAddress(host, port, this.#options.name));
    return distinctPeers(
      peers.sort((a, b) => (a.host === b.host ? a.port - b.port : a.host < b.host ? -1 : 1)),
      this.#options.name,
    );
  }

  async #records(): Promise<PeerAddress[]> {
    const { name, port, family } = this.#options;
    if (port === undefined) {
      const records = await this.#resolver.resolveSrv(name);
      return records.map(({ name: host, port: at }) => ({ host, port: at }));
    }
    const hosts = family === 4 ? await this.#resolver.resolve4(name) : await this.#resolver.resolve6(name);
    return hosts.map((host) => ({ host, port }));
  }

  #take(peers: readonly PeerAddress[]): void {
    this.#lastProblem = undefined;
    if (this.#stopped || samePeers(peers, this.#peers)) return;
    this.#peers = peers;
    this.#options.log.info({ asked: this.#options.name, peers: peers.length }, 'DNS names other peers');
    for (const listener of this.#listeners) listener(peers);
  }
}
