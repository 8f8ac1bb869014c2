import type { Clock } from '@grapevine/shared/clock.ts';
import type { Stoppable } from '@grapevine/shared/lifecycle.ts';
import type { TreeHash } from '@grapevine/shared/merkle/tree-hash.ts';
import type { Logger } from 'pino';
import type { Batch } from '../store/batch.ts';
import type { DataDamage } from '../store/damage.ts';
import { firstKey } from '../store/keys.ts';
import type { LogStore } from '../store/log-store.ts';
import type { ErasedEntry } from '../views/erasure.ts';
import type { Indexes } from '../views/indexes.ts';
import { eraseByAge } from './by-age.ts';
import { eraseBySize } from './by-size.ts';
import { progressSince, startAnew } from './progress.ts';
import type { RetentionRules } from './rules.ts';
import { Slice } from './slice.ts';

/** Between two looks at everything, in milliseconds: what goes within one is erased together, each segment rewritten once. */
const passEveryMs = 1_000;
/**
 * After so long the logs are gone through from the beginning again, in milliseconds: a segment that could not be read when its
 * turn came must not keep its bodies for ever.
 */
const startAnewAfterMs = 24 * 3_600_000;

export interface RetentionParts {
  readonly rules: RetentionRules;
  readonly store: Pick<LogStore, 'maintain'>;
  readonly hash: TreeHash;
  readonly clock: Clock;
  readonly log: Logger;
  /** Hears of segments that it could not read. */
  readonly onDamage: (damage: DataDamage) => void;
}

/** What was erased since the start, by rule. */
export interface RetentionCount {
  readonly topics: string;
  entries: number;
  bytes: number;
}

/**
 * Erases bodies in the background, by the rules of this node. What goes depends only on the rules, the messages and the time,
 * so that nodes with the same rules come to show the same. Works in slices, each one write, and rests as long as it works.
 */
export class Retention implements Stoppable {
  readonly name = 'retention';
  readonly counts: readonly RetentionCount[];
  /** Damaged segments that were passed over since the start. */
  skipped = 0;
  readonly #parts: RetentionParts;
  readonly #rules: RetentionRules;
  /** Where sizes are looked at next; from the beginning when undefined. */
  #nextTopic: Uint8Array | undefined;
  #timer: NodeJS.Timeout | undefined;
  #working: Promise<void> | undefined;
  #stopping = false;

  constructor(parts: RetentionParts) {
    this.#parts = parts;
    this.#rules = parts.rules;
    this.counts = parts.rules.all.map(({ topics }) => ({ topics, entries: 0, bytes: 0 }));
  }

  /** Begins with the first slice soon; does nothing without rules. */
  start(): void {
    if (this.#rules.all.length > 0) this.#schedule(0);
  }

  /** Waits for the slice under way. */
  async stop(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#timer);
    await this.#working;
  }

  #schedule(delayMs: number): void {
    if (this.#stopping) return;
    this.#timer = setTimeout(() => {
      this.#working = this.#work();
    }, delayMs);
  }

  async #work(): Promise<void> {
    const { clock, log } = this.#parts;
    const startedMs = clock.monotonicMs();
    let restMs = passEveryMs;
    try {
      if (await this.slice()) restMs = Math.min(passEveryMs, clock.monotonicMs() - startedMs);
    } catch (error) {
      log.warn({ err: error }, 'retention has to try again');
    }
    this.#schedule(restMs);
  }

  /** One slice of work. Answers whether there is more to do at once. */
  async slice(): Promise<boolean> {
    const nowMs = this.#parts.clock.wallMs();
    const { byAge, bySize, more, nextTopic } = await this.#parts.store.maintain((batch, indexes) =>
      this.#eraseIn(batch, indexes, nowMs),
    );
    this.#nextTopic = nextTopic;
    for (const damage of [...byAge.damage, ...bySize.damage]) {
      this.skipped += 1;
      this.#parts.onDamage(damage);
    }
    for (const entry of [...byAge.erased, ...bySize.erased]) this.#count(entry);
    return more || nextTopic !== undefined;
  }

  #eraseIn(batch: Batch, indexes: Indexes, nowMs: number) {
    this.#takeUp(batch, nowMs);
    const { hash } = this.#parts;
    // Each has a slice of its own, so that a backlog of one does not keep the other waiting.
    const byAge = new Slice(batch, indexes, hash);
    const bySize = new Slice(batch, indexes, hash);
    const more = eraseByAge(byAge, this.#rules, nowMs);
    const nextTopic = this.#rules.hasSizes ? eraseBySize(bySize, this.#rules, this.#nextTopic ?? firstKey) : undefined;
    return { byAge, bySize, more, nextTopic };
  }

  /** Goes on where it stopped, or starts anew under other rules or when it is time to. */
  #takeUp(batch: Batch, nowMs: number): void {
    const rules = this.#rules.digest();
    const sinceMs = progressSince(batch, rules);
    if (sinceMs === undefined) startAnew(batch, rules, nowMs, false);
    else if (nowMs - sinceMs > startAnewAfterMs) startAnew(batch, rules, nowMs, true);
  }

  #count({ topic, bytes }: ErasedEntry): void {
    const rule = this.#rules.of(topic);
    const count = rule === undefined ? undefined : this.counts[this.#rules.all.indexOf(rule)];
    if (count === undefined) return;
    count.entries += 1;
    count.bytes += bytes;
  }
}
