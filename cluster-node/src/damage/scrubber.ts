import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '@grapevine/shared/clock.ts';
import type { Stoppable } from '@grapevine/shared/lifecycle.ts';
import type { Logger } from 'pino';
import type { DamagedPlace, DataDamage } from '../store/damage.ts';
import { readHeads } from '../store/head-record.ts';
import { seqOfKey, seqsDownFrom } from '../store/keys.ts';
import type { LogStore } from '../store/log-store.ts';
import { isQuarantined } from '../store/quarantine.ts';
import { scrubIndexes } from './index-scrub.ts';
import type { DamageCounts, Mender } from './mender.ts';
import { type Finding, OriginScrub } from './origin-scrub.ts';
import type { LogChecks } from './read-segment.ts';
import { scrubTopics } from './topic-scrub.ts';

export interface ScrubOptions {
  /** Bytes of segments read and hashed per second. */
  readonly bytesPerSecond: number;
  /** Milliseconds between the end of one pass over all logs and the beginning of the next. */
  readonly pauseMs: number;
}

export interface ScrubberParts {
  readonly store: LogStore;
  readonly checks: LogChecks;
  readonly mender: Mender;
  readonly options: ScrubOptions;
  readonly clock: Clock;
  readonly log: Logger;
  /** Whether clients and peers keep the node busy right now: then the scrub takes a quarter of its rate. */
  readonly isBusy: () => boolean;
}

/** A segment costs at least this much of the rate: its signature is checked, however short it is. */
const leastCost = 16 * 1024;
/** What looking up one entry in the views counts for, in bytes of the rate, and what counting one message of a topic does. */
const [lookUpCost, countCost] = [4_096, 64];
/**
 * The entries of one segment in so many are looked up in the indexes, in each pass those of others: it takes many times as
 * long as hashing them. All are, once anything was found to be wrong with an index.
 */
const lookUpShare = 16;
/** Bytes in one page of an index. */
const pageCost = 4_096;
/** Pauses shorter than this are saved up, in milliseconds: timers are no more exact. */
const leastPauseMs = 5;
const busyFactor = 4;
/** Reported places that wait; more would be found by the next pass anyway. */
const maxSuspects = 64;
/** A log is not examined as a whole more often than this, in milliseconds, whatever readers stumble over. */
const leastExamineGapMs = 60_000;
/** Between two attempts at what no peer could give, in milliseconds: doubles from the first to the second. */
const retryMs = { first: 1_000, most: 60_000 } as const;

/**
 * Goes over all logs again and again, takes damaged segments out of service, gets them from peers, and puts views right that
 * are not what the logs make them. Works in slices of one segment, and pauses in between as the rate asks. Places that
 * somebody stumbled over go first, unpaused.
 */
export class Scrubber implements Stoppable {
  readonly name = 'scrub';
  readonly counts: DamageCounts;
  readonly #parts: ScrubberParts;
  readonly #stopped = new AbortController();
  readonly #suspects = new Map<string, DamagedPlace>();
  /** When each log was last examined as a whole because of a suspicion. */
  readonly #examinedAtMs = new Map<string, number>();
  /** Logs that have become other ones, counted: what was known of the old one must not be held against the new. */
  readonly #replaced = new Map<string, number>();
  /** In this pass; says whose turn it is to be looked up. */
  #segmentsLookedAt = 0;
  #looksUpAll = false;
  #owedMs = 0;
  #wake = Promise.withResolvers<void>();
  #retryMs: number = retryMs.first;
  #retryAtMs = Number.NEGATIVE_INFINITY;
  #running: Promise<void> | undefined;

  constructor(parts: ScrubberParts) {
    this.#parts = parts;
    this.counts = parts.mender.counts;
    parts.store.onDamage((damage) => this.suspect(damage));
  }

  start(): void {
    this.#parts.mender.count();
    this.#running = this.#run().catch((error: unknown) => {
      if (!this.#stopped.signal.aborted) this.#parts.log.error({ err: error }, 'the scrub has stopped');
    });
  }

  /** Somebody met this while reading: it is looked at next, unless it is known. */
  suspect({ message, place }: DataDamage): void {
    if (place === undefined || this.#suspects.size >= maxSuspects) return;
    if (place.seq !== undefined && isQuarantined(this.#parts.store.flushed, place.origin, place.seq)) return;
    const key = `${place.origin}/${place.seq ?? ''}`;
    if (this.#suspects.has(key)) return;
    this.#parts.log.warn({ ...place, reason: message }, 'met damaged data');
    this.#suspects.set(key, place);
    this.#wake.resolve();
  }

  /** Another history is taking the place of this log: the scrub of it that is under way is given up. */
  logReplaced(origin: string): void {
    this.#replaced.set(origin, this.#timesReplaced(origin) + 1);
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#wake.resolve();
    await this.#running;
  }

  get #isStopped(): boolean {
    return this.#stopped.signal.aborted;
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      try {
        const { store, mender } = this.#parts;
        if ((await this.#payAsTold(scrubIndexes(store, mender), pageCost)) === true) this.#looksUpAll = true;
        // What is found to be lost during a pass makes the next one look everything up.
        const looksUpAll = this.#looksUpAll;
        this.#looksUpAll = false;
        for (const { head } of readHeads(store.flushed)) await this.#scrubPaced(head.origin, looksUpAll);
        await this.#payAsTold(scrubTopics(store, mender), countCost);
        this.counts.passes += 1;
        this.#segmentsLookedAt = 0;
        await this.#rest();
      } catch (error) {
        if (this.#isStopped) return;
        this.#parts.log.error({ err: error }, 'the scrub could not go on');
        await this.#pause(retryMs.first);
      }
    }
  }

  #timesReplaced(origin: string): number {
    return this.#replaced.get(origin) ?? 0;
  }

  async #scrubPaced(origin: string, looksUpAll: boolean): Promise<void> {
    const scrub = this.#scrubOf(origin, 0);
    const replaced = this.#timesReplaced(origin);
    while (!this.#isStopped) {
      await this.#doUrgent();
      if (replaced !== this.#timesReplaced(origin)) return;
      const isDue = (this.#segmentsLookedAt++ + this.counts.passes) % lookUpShare === 0;
      const bytes = await this.#look(scrub, looksUpAll || isDue);
      if (bytes === undefined) return;
      await this.#payFor(bytes);
    }
  }

  /** Goes on with what tells how much it has looked at, at this cost each. */
  async #payAsTold<Result>(looking: AsyncGenerator<number, Result>, cost: number): Promise<Result | undefined> {
    for (let step = await looking.next(); ; step = await looking.next()) {
      if (step.done === true) return step.value;
      if (this.#isStopped) return undefined;
      await this.#payFor(step.value * cost);
      await this.#doUrgent();
    }
  }

  /** Waits for the next pass, and does what is urgent meanwhile. */
  async #rest(): Promise<void> {
    const { clock, options } = this.#parts;
    const untilMs = clock.monotonicMs() + options.pauseMs;
    for (let leftMs = options.pauseMs; leftMs > 0 && !this.#isStopped; leftMs = untilMs - clock.monotonicMs()) {
      const retryInMs = this.counts.quarantined > 0 ? this.#retryAtMs - clock.monotonicMs() : leftMs;
      await this.#pause(Math.max(0, Math.min(leftMs, retryInMs)));
      await this.#doUrgent();
    }
  }

  async #doUrgent(): Promise<void> {
    while (this.#suspects.size > 0 && !this.#isStopped) {
      const [[key, place] = []] = this.#suspects;
      if (key === undefined || place === undefined) break;
      await this.#examine(place);
      this.#suspects.delete(key);
    }
    if (this.counts.quarantined > 0 && this.#parts.clock.monotonicMs() >= this.#retryAtMs) await this.#mendAll();
  }

  /** Looks at the segment that holds a place, and at the whole log when that does not explain anything. */
  async #examine({ origin, seq }: DamagedPlace): Promise<void> {
    if (seq !== undefined) {
      const [pair] = this.#parts.store.flushed.range('segments', seqsDownFrom(origin, seq));
      const scrub = this.#scrubOf(origin, pair === undefined ? 0 : seqOfKey(pair[0]));
      const before = this.counts.found + this.counts.treeNodes;
      const replaced = this.#timesReplaced(origin);
      const isSame = (): boolean => replaced === this.#timesReplaced(origin);
      while (scrub.next <= seq && isSame() && (await this.#look(scrub, true)) !== undefined);
      if (this.counts.found + this.counts.treeNodes > before) return;
    }
    const nowMs = this.#parts.clock.monotonicMs();
    if (nowMs - (this.#examinedAtMs.get(origin) ?? Number.NEGATIVE_INFINITY) < leastExamineGapMs) return;
    this.#examinedAtMs.set(origin, nowMs);
    const scrub = this.#scrubOf(origin, 0);
    const replaced = this.#timesReplaced(origin);
    const isSame = (): boolean => replaced === this.#timesReplaced(origin) && !this.#isStopped;
    while (isSame() && (await this.#look(scrub, false)) !== undefined) await nextTurn();
  }

  #scrubOf(origin: string, from: number): OriginScrub {
    return new OriginScrub(this.#parts.store.flushed, origin, this.#parts.checks, from);
  }

  /** Looks at the next segment and sees to what it finds. Answers the bytes that were read; undefined at the end. */
  async #look(scrub: OriginScrub, looksUp: boolean): Promise<number | undefined> {
    const look = scrub.look();
    if (look === undefined) return undefined;
    this.counts.scrubbedBytes += look.bytes;
    for (const finding of look.findings) await this.#apply(finding);
    if (look.sound === undefined) return look.bytes;
    if (await this.#parts.mender.mendViews(look.sound, looksUp)) this.#looksUpAll = true;
    return look.bytes + (looksUp ? look.sound.entries.length * lookUpCost : 0);
  }

  async #apply(finding: Finding): Promise<void> {
    const applied = await this.#parts.mender.apply(finding);
    if (!applied || finding.kind === 'tree') return;
    this.#retryMs = retryMs.first;
    this.#retryAtMs = Number.NEGATIVE_INFINITY;
  }

  /** Tries to get every quarantined segment from some peer. */
  async #mendAll(): Promise<void> {
    const { mender, clock, log } = this.#parts;
    let failed = 0;
    for (const stretch of mender.open()) {
      if (!this.#isStopped && (await mender.mend(stretch)) !== undefined) failed += 1;
    }
    mender.count();
    if (failed === 0) return;
    this.#retryAtMs = clock.monotonicMs() + this.#retryMs;
    log.error({ segments: failed, retryMs: this.#retryMs }, 'no peer could give some damaged segments');
    this.#retryMs = Math.min(retryMs.most, 2 * this.#retryMs);
  }

  async #payFor(bytes: number): Promise<void> {
    const { options, isBusy } = this.#parts;
    const factor = isBusy() ? busyFactor : 1;
    this.#owedMs += (factor * 1_000 * Math.max(bytes, leastCost)) / options.bytesPerSecond;
    if (this.#owedMs < leastPauseMs) return await nextTurn();
    const owedMs = this.#owedMs;
    this.#owedMs = 0;
    await this.#pause(owedMs);
  }

  /** Ends early when something is urgent or the scrub is stopped. */
  async #pause(ms: number): Promise<void> {
    if (this.#suspects.size > 0 || this.#isStopped) return;
    this.#wake = Promise.withResolvers();
    const timer = setTimeout(() => this.#wake.resolve(), ms);
    await this.#wake.promise;
    clearTimeout(timer);
  }
}
