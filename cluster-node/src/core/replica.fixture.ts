import { SeededRandom } from '@grapevine/shared/random.ts';
import { nodeHeadVerifier, signerFromKey } from '../store/ed25519.ts';
import { fastTreeHash } from '../store/fast-tree-hash.ts';
import { MemoryLogStore } from '../store/memory-log-store.ts';
import type { Address, MemberDigest } from '../wire/messages.ts';
import type { ReplicaEffect, ReplicaEvent } from './events.ts';
import { record } from './member.fixture.ts';
import type { HeadSigner } from './ports.ts';
import { Replica, type ReplicaOptions } from './replica.ts';
import type { Draft } from './writer.ts';

type Sent = Extract<ReplicaEffect, { type: 'send' }>;

export interface TestReplicaOptions {
  /** Counts the replicas of a test: gives name, origin and address. */
  readonly index: number;
  readonly seeds?: readonly Address[];
  readonly changes?: Partial<ReplicaOptions>;
  readonly self?: Partial<MemberDigest>;
}

/** A replica with a store in memory and a clock that the test moves. */
export class TestReplica {
  readonly replica: Replica;
  readonly signer: HeadSigner;
  readonly self: MemberDigest;
  /** Everything that it wanted done, in order. */
  readonly effects: ReplicaEffect[] = [];
  nowMs = 1_000;
  readonly #store: MemoryLogStore;

  private constructor({ index, seeds = [], changes, self }: TestReplicaOptions, store: MemoryLogStore) {
    const random = new SeededRandom(index);
    this.signer = signerFromKey(random.bytes(32));
    this.self = record(index, { origin: this.signer.origin, incarnation: 0, ...self });
    this.#store = store;
    this.replica = new Replica(
      {
        self: this.self,
        seeds,
        expectsPeers: false,
        intervalMs: 200,
        fanout: 2,
        maxDatagramBytes: 1_400,
        seedsOnly: false,
        suspectAfterMs: 2_000,
        deadAfterMs: 10_000,
        forgetAfterMs: 3_600_000,
        queueBytes: 64 * 1024 * 1024,
        catchUpBytes: 1024 * 1024 * 1024,
        smallestRetentionMs: Number.POSITIVE_INFINITY,
        ...changes,
      },
      { log: store.log, hash: fastTreeHash, verifier: nodeHeadVerifier, signer: this.signer, random },
    );
  }

  static async start(options: TestReplicaOptions): Promise<TestReplica> {
    return new TestReplica(options, await MemoryLogStore.open(fastTreeHash));
  }

  get sent(): readonly Sent[] {
    return this.effects.filter((effect) => effect.type === 'send');
  }

  /** Takes in an event, and the outcomes of the commits that follow from it. Answers the effects. */
  async step(event: ReplicaEvent): Promise<readonly ReplicaEffect[]> {
    const now = { wallMs: 1_700_000_000_000 + this.nowMs, monotonicMs: this.nowMs };
    const effects = this.replica.step(event, now);
    this.effects.push(...effects);
    const all = [...effects];
    for (const effect of effects) {
      if (effect.type !== 'commit') continue;
      await this.#store.log.commit(effect.segments);
      all.push(...(await this.step({ type: 'committed', batch: effect.batch })));
    }
    return all;
  }

  publish(...drafts: Draft[]): Promise<readonly ReplicaEffect[]> {
    return this.step({ type: 'publish', orders: [{ ticket: 1, drafts, acks: 1, timeoutMs: 0 }] });
  }

  /** Lets so many milliseconds pass, waking the replica whenever it wants. */
  async pass(ms: number): Promise<void> {
    const endMs = this.nowMs + ms;
    while (this.nowMs < endMs) {
      this.nowMs = Math.max(this.nowMs + 1, Math.min(endMs, this.replica.wakeAtMs));
      await this.step({ type: 'wake' });
    }
  }
}
