import type { Clock } from '../clock.ts';
import type { Member, MembersResponse } from '../contracts/node-api.ts';
import type { MutualTls } from '../http/mutual-tls.ts';
import type { Random } from '../random.ts';
import { NodeChannel } from './node-channel.ts';

/** Membership is asked for again when it is older than this and somebody makes a call. */
const refreshAfterMs = 1_000;
/** After a failure it is asked for at once, but not more often than this. */
const refreshGapMs = 100;
/** Members that are looked at: far more than one cluster has, and bounds what a broken answer can make us open. */
const maxMembers = 1_024;
/** A node that no membership names is kept until it has failed for so long: by then a restarted node has told of itself. */
const forgetAfterMs = 30_000;
/** Nodes asked in one refresh before giving up until the next. */
const maxAsked = 4;

export interface DirectoryOptions {
  readonly seeds: readonly string[];
  readonly clock: Clock;
  readonly random: Random;
  /** What connections are made with where URLs say https. */
  readonly tls?: MutualTls | undefined;
  /** Asks one node for its membership; throws when it gives none. */
  readonly fetchMembers: (channel: NodeChannel) => Promise<MembersResponse>;
}

/** The nodes that there are: the seeds, then whatever the seeds' membership names. Choosing among them is here too. */
export class NodeDirectory {
  readonly #options: DirectoryOptions;
  readonly #seeds: ReadonlySet<string>;
  readonly #channels = new Map<string, NodeChannel>();
  #refreshing: Promise<boolean> | undefined;
  #refreshedAtMs = Number.NEGATIVE_INFINITY;
  #known = false;
  #stopped = false;

  constructor(options: DirectoryOptions) {
    this.#options = options;
    this.#seeds = new Set(options.seeds.map((seed) => new URL(seed).origin));
    for (const url of this.#seeds) this.#channels.set(url, new NodeChannel(url, options.clock, options.tls));
  }

  /** Makes sure that the membership is known, and asks for it again in the background when it is old. */
  async ready(): Promise<void> {
    if (!this.#known) await this.refresh();
    else if (this.#ageMs() > refreshAfterMs) void this.refresh();
  }

  /** Asks for the membership unless that is being done already. Answers whether any node gave one; never throws. */
  refresh(): Promise<boolean> {
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  /** Something failed: what is known may be out of date. */
  suspectChange(): void {
    if (this.#ageMs() > refreshGapMs) void this.refresh();
  }

  /**
   * The better of two random nodes that are not in `avoid` ("power of two choices": Mitzenmacher, 2001). Live nodes that
   * did not fail lately come first, and of those the ones that are not catching up; without any, the others are tried rather
   * than nobody. `undefined` when all are in `avoid`.
   */
  choose(avoid: ReadonlySet<string>): NodeChannel | undefined {
    const allowed = [...this.#channels.values()].filter(({ url, state }) => !avoid.has(url) && state !== 'left');
    const alive = allowed.filter(({ state, health }) => state === 'alive' && health.usable);
    const upToDate = alive.filter(({ catchingUp }) => !catchingUp);
    const candidates = [upToDate, alive].find((some) => some.length > 0) ?? allowed;
    const at = this.#options.random.below(Math.max(1, candidates.length));
    const apart = candidates.length > 1 ? 1 + this.#options.random.below(candidates.length - 1) : 0;
    const first = candidates[at];
    const second = candidates[(at + apart) % candidates.length];
    if (first === undefined || second === undefined) return undefined;
    return first.health.load <= second.health.load ? first : second;
  }

  byName(nodeName: string): NodeChannel | undefined {
    for (const channel of this.#channels.values()) if (channel.nodeName === nodeName) return channel;
    return undefined;
  }

  names(): readonly string[] {
    return [...this.#channels.values()].flatMap(({ nodeName }) => nodeName ?? []);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all([...this.#channels.values()].map((channel) => channel.close()));
  }

  async #refresh(): Promise<boolean> {
    this.#refreshedAtMs = this.#options.clock.monotonicMs();
    const asked = new Set<string>();
    while (asked.size < maxAsked && !this.#stopped) {
      const channel = this.choose(asked);
      if (channel === undefined) break;
      asked.add(channel.url);
      try {
        const { members } = await this.#options.fetchMembers(channel);
        this.#learn(members);
        return true;
      } catch {
        // The node is counted as failing by whoever made the call; the next one may know more.
      }
    }
    this.#reopenSeeds();
    return false;
  }

  #learn(members: readonly Member[]): void {
    if (this.#stopped) return;
    const named = new Map<string, Member>();
    for (const member of members.slice(0, maxMembers)) {
      const url = httpOrigin(member.http);
      // A node that was given a new name leaves a dead record with the same address.
      if (url !== undefined && named.get(url)?.state !== 'alive') named.set(url, member);
    }
    if (named.size === 0) return;
    for (const [url, member] of named) {
      const channel = this.#channels.get(url) ?? this.#open(url);
      channel.nodeName = member.name;
      channel.state = member.state;
      channel.catchingUp = member.catchingUp ?? false;
    }
    for (const [url, channel] of this.#channels) {
      // One that has just started does not know everybody yet, and may be the only one to answer while others restart.
      if (named.has(url) || channel.health.failingForMs < forgetAfterMs) continue;
      this.#channels.delete(url);
      void channel.close();
    }
    this.#known = true;
  }

  /** When nobody answers, a cluster that moved away can be found again only where it was configured to be. */
  #reopenSeeds(): void {
    if (this.#stopped) return;
    for (const url of this.#seeds) if (!this.#channels.has(url)) this.#open(url);
  }

  #open(url: string): NodeChannel {
    const channel = new NodeChannel(url, this.#options.clock, this.#options.tls);
    this.#channels.set(url, channel);
    return channel;
  }

  #ageMs(): number {
    return this.#options.clock.monotonicMs() - this.#refreshedAtMs;
  }
}

/** The origin of an http(s) URL; addresses that come from elsewhere may be anything. */
function httpOrigin(text: string): string | undefined {
  const url = URL.parse(text);
  return url !== null && (url.protocol === 'http:' || url.protocol === 'https:') ? url.origin : undefined;
}
